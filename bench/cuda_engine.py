"""A worker of cuda_compare.py: PyTorch, in one of the ways in which these networks are run with it.

    cuda_engine.py MODEL INPUT.f32 OUTPUT.f32 DEVICE WAY SAMPLES OVERLAP BATCH

WAY is a precision and what is done for speed: "f16", "f16 channels_last", "f16 channels_last compile".
f16 and bf16 are autocast's, as in Music-Source-Separation-Training; the transforms stay f32, as there.
SAMPLES 0 is one chunk, which begins and ends on the device; else a song, from memory to memory, as that
program's demix() does it: in batches of chunks, stems added up on the CPU under a window that fades.

Prints "ready VERSION" after the first run; "run" on standard input runs it again and prints the seconds,
"memory" prints the most bytes that PyTorch had on the device."""
import os
import sys
import time
import types

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in (HERE, os.path.join(os.path.dirname(HERE), "tests/reference")):
    sys.path.insert(0, folder)


def stand_in(name, **members):
    """A module that is imported below and not used, where it is not installed."""
    try:
        __import__(name)
    except ImportError:
        sys.modules[name] = types.ModuleType(name)
        for member, value in members.items():
            setattr(sys.modules[name], member, value)


class Loader:
    @classmethod
    def add_constructor(cls, tag, function):
        pass


stand_in("soundfile")
stand_in("yaml", SafeLoader=Loader)

import numpy as np  # noqa: E402
import torch  # noqa: E402

import mdx23c_reference as reference  # noqa: E402
from cuda_sizes import config_of  # noqa: E402

DTYPES = {"f32": None, "f16": torch.float16, "bf16": torch.bfloat16}


class Engine:
    def __init__(self, model, device, way, batch):
        precision, *self.extras = way.split()
        self.device, self.dtype, self.batch = torch.device(device), DTYPES[precision], batch
        self.config = config_of(reference.Config, model)
        network = reference.load_network(model, self.config, torch.float32).eval().to(self.device)
        if "channels_last" in self.extras:
            network = network.to(memory_format=torch.channels_last)
        self.network = network
        self.window = torch.hann_window(self.config.n_fft, periodic=True, device=self.device)
        self.spectral = network.spectral
        if "compile" in self.extras:
            self.spectral = torch.compile(network.spectral)

    def stft(self, waveform):
        """(B, ch, L) → (B, 2ch, dim_f, T), by PyTorch's own function."""
        config = self.config
        batch, channels, samples = waveform.shape
        bins = torch.stft(waveform.reshape(batch * channels, samples), config.n_fft, config.hop,
                          window=self.window, center=True, return_complex=True)
        parts = torch.view_as_real(bins[:, :config.dim_f]).permute(0, 3, 1, 2)
        return parts.reshape(batch, 2 * channels, config.dim_f, -1)

    def istft(self, spectrum, samples):
        """(N, 2ch, dim_f, T) → (N, ch, L)."""
        config = self.config
        count, channels, _, frames = spectrum.shape
        parts = torch.nn.functional.pad(spectrum, (0, 0, 0, config.n_fft // 2 + 1 - config.dim_f))
        parts = parts.reshape(count * channels // 2, 2, -1, frames).permute(0, 2, 3, 1)
        signal = torch.istft(torch.view_as_complex(parts.contiguous()), config.n_fft, config.hop,
                             window=self.window, center=True, length=samples)
        return signal.reshape(count, channels // 2, samples)

    def stems(self, waveform):
        """(B, ch, L) → (B, stems, ch, L)."""
        batch, channels, samples = waveform.shape
        spectrum = self.stft(waveform)
        if "channels_last" in self.extras:
            spectrum = spectrum.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, self.dtype or torch.float16, enabled=bool(self.dtype)):
            out = self.spectral(spectrum)
        stems = len(self.config.stems)
        out = out.float().reshape(batch * stems, 2 * channels, *out.shape[2:])
        return self.istft(out, samples).reshape(batch, stems, channels, samples)

    def wait(self):
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def chunk(self, mix):
        return self.stems(mix[None].to(self.device))[0]

    def song(self, mix, overlap):
        chunk, samples = self.config.chunk_size, mix.shape[1]
        step = chunk // overlap
        starts = list(range(0, samples, step))
        window = torch.hann_window(chunk, periodic=False).clamp(min=1e-3)
        padded = torch.nn.functional.pad(mix, (0, chunk))
        total = torch.zeros(len(self.config.stems), *padded.shape)
        weight = torch.zeros(padded.shape[1])
        for first in range(0, len(starts), self.batch):
            group = starts[first:first + self.batch]
            parts = torch.stack([padded[:, start:start + chunk] for start in group])
            for start, stems in zip(group, self.stems(parts.to(self.device)).cpu()):
                total[:, :, start:start + chunk] += stems * window
                weight[start:start + chunk] += window
        return (total / weight)[:, :, :samples]

    def memory(self):
        return torch.cuda.max_memory_reserved() if self.device.type == "cuda" else 0


def main():
    model, mix_path, output, device, way, samples, overlap, batch = sys.argv[1:]
    engine = Engine(model, device, way, int(batch))
    mix = torch.from_numpy(np.fromfile(mix_path, np.float32)).reshape(engine.config.channels, -1)
    if int(samples) == 0:
        mix = mix[:, :engine.config.chunk_size].to(engine.device)

    def run():
        with torch.inference_mode():
            begin = time.perf_counter()
            stems = engine.song(mix, int(overlap)) if int(samples) else engine.chunk(mix)
            engine.wait()
            return time.perf_counter() - begin, stems

    _, stems = run()
    stems.cpu().numpy().astype(np.float32).tofile(output)
    print("ready %s" % torch.__version__, flush=True)
    for line in sys.stdin:
        if line == "run\n":
            print("%.6f" % run()[0], flush=True)
        elif line == "memory\n":
            print(engine.memory(), flush=True)
        else:
            return


if __name__ == "__main__":
    main()
