"""What the cases are: the networks' sizes, the mixes, and how each is run."""

import dataclasses

from containers import Container


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    purpose: str
    seed: int
    # audio
    n_fft: int
    hop: int
    dim_f: int
    chunk: int  # audio.chunk_size
    dim_t: int  # audio.dim_t
    # model
    subbands: int
    scales: int
    blocks: int
    width: int
    growth: int
    bottleneck: int
    scale: tuple
    norm: str
    act: str
    # mix and run
    samples: int
    overlap: int
    blend: str = "fade"
    tta: bool = False
    channels: int = 2
    mix_channels: int = 2
    rate: int = 44100
    peak: float = 0.7
    offset: float = 0.0
    silence: tuple = ()
    stems: tuple = ("vocals", "other")
    target: str = ""
    residual: str = ""
    normalize: bool = False
    inference_chunk: int = 0
    inference_dim_t: int = 0
    # files
    extension: str = "ckpt"
    element: str = "f32"
    container: Container = Container()
    yaml: str = "plain"  # plain, tuple, crlf or anchors

    @property
    def model_file(self):
        return f"model.{self.extension}"

    def yaml_text(self):
        text = YAML_STYLES[self.yaml](self)
        return text.replace("\n", "\r\n") if self.yaml == "crlf" else text


# ---- YAML -------------------------------------------------------------------------------------


def section(name, values):
    lines = [f"{name}:"]
    for key, value in values.items():
        if isinstance(value, (tuple, list)):
            lines += [f"  {key}:"] + [f"  - {item}" for item in value]
        else:
            lines.append(f"  {key}: {value}")
    return "\n".join(lines) + "\n"


def audio_values(case):
    return {
        "chunk_size": case.chunk,
        "dim_f": case.dim_f,
        "dim_t": case.dim_t,
        "hop_length": case.hop,
        "n_fft": case.n_fft,
        "num_channels": case.channels,
        "sample_rate": case.rate,
        "min_mean_abs": 0.001,
    }


def model_values(case):
    return {
        "act": case.act,
        "bottleneck_factor": case.bottleneck,
        "growth": case.growth,
        "norm": case.norm,
        "num_blocks_per_scale": case.blocks,
        "num_channels": case.width,
        "num_scales": case.scales,
        "num_subbands": case.subbands,
        "scale": case.scale,
    }


def training_values(case):
    return {
        "batch_size": 6,
        "instruments": case.stems,
        "target_instrument": case.target or "null",
        "lr": "9.0e-05",
        "use_amp": "true",
    }


def inference_values(case):
    values = {"batch_size": 1, "num_overlap": case.overlap}
    values["dim_t"] = case.inference_dim_t or case.dim_t
    if case.inference_chunk:
        values["chunk_size"] = case.inference_chunk
    if case.normalize:
        values["normalize"] = "true"
    return values


def plain_yaml(case):
    return (
        section("audio", audio_values(case))
        + section("model", model_values(case))
        + section("training", training_values(case))
        + section("inference", inference_values(case))
    )


def tuple_yaml(case):
    return plain_yaml(case).replace("  scale:\n", "  scale: !!python/tuple\n")


def anchored_yaml(case):
    """Anchors, aliases, a merge key, flow sequences, comments and keys that nobody knows."""
    audio = audio_values(case)
    shared = {key: audio.pop(key) for key in ("hop_length", "n_fft", "dim_t")}
    model = dict(model_values(case), scale=f"[{case.scale[0]}, {case.scale[1]}] # time, frequency")
    training = dict(training_values(case), instruments=f"[{', '.join(case.stems)}]")
    training["patience"] = "&waits 2"
    inference = dict(inference_values(case), patience="*waits")
    return (
        "%YAML 1.1\n---\n# A network for tests.\n"
        + section("shared", shared).replace("shared:", "shared: &transform")
        + section("augmentations", {"enable": "false", "mixup_probs": ("0.2", "0.02")})
        + section("audio", {"<<": "*transform", **audio})
        + section("model", model)
        + section("training", training)
        + section("inference", inference)
    )


YAML_STYLES = {
    "plain": plain_yaml,
    "crlf": plain_yaml,
    "tuple": tuple_yaml,
    "anchors": anchored_yaml,
}

# ---- The cases --------------------------------------------------------------------------------

CASES = (
    Case(
        name="no-norm-short-hop",
        purpose="no norm (null), f64 weights, hop n_fft/8, overlap 1: zeros where chunks meet, "
        "the last chunk just long enough to be reflected",
        seed=101, n_fft=480, hop=60, dim_f=24, chunk=900, dim_t=16,
        subbands=1, scales=1, blocks=1, width=6, growth=2, bottleneck=1, scale=(2, 2),
        norm="null", act="gelu", samples=2 * 900 + 451, overlap=1, element="f64",
    ),
    Case(
        name="all-bins-half-hop",
        purpose="dim_f = n_fft/2 + 1, 7 subbands, growth 0, scale [2, 1], norm 'None', hop "
        "n_fft/2, stream container, the last chunk just too short to be reflected",
        seed=102, n_fft=600, hop=300, dim_f=301, chunk=2100, dim_t=8,
        subbands=7, scales=1, blocks=1, width=4, growth=0, bottleneck=1, scale=(2, 1),
        norm="None", act="relu", samples=2100 + 1050, overlap=1,
        extension="pth", container=Container(form="stream"),
    ),
    Case(
        name="batch-norm-four-scales",
        purpose="BatchNorm statistics, elu0.3, 4 scales, scale [1, 2], hop n_fft/3, f16 weights "
        "nested with module. prefix, length one chunk = twice the border (not reflected)",
        seed=103, n_fft=1536, hop=512, dim_f=96, chunk=1536, dim_t=4,
        subbands=3, scales=4, blocks=1, width=4, growth=2, bottleneck=2, scale=(1, 2),
        norm="BatchNorm", act="elu0.3", samples=1536, overlap=2, yaml="tuple",
        element="f16",
        container=Container(nest="state_dict", prefix="module."),
    ),
    Case(
        name="group-norm-straddle",
        purpose="GroupNorm3: groups across the seam of upsampled and skip; overlap 7 that does not "
        "divide the chunk, length twice the border (not reflected)",
        seed=104, n_fft=480, hop=120, dim_f=72, chunk=1320, dim_t=12,
        subbands=3, scales=2, blocks=1, width=9, growth=3, bottleneck=2, scale=(2, 2),
        norm="GroupNorm3", act="gelu", samples=2 * (1320 - 1320 // 7), overlap=7,
    ),
    Case(
        name="group-norm-three-blocks",
        purpose="GroupNorm2, elu1.0, 3 blocks a scale, scale [4, 2], f16 weights, length twice the "
        "border + 1 (reflected), CRLF",
        seed=105, n_fft=240, hop=80, dim_f=40, chunk=880, dim_t=12,
        subbands=1, scales=1, blocks=3, width=6, growth=4, bottleneck=4, scale=(4, 2),
        norm="GroupNorm2", act="elu1.0", samples=2 * (880 - 220) + 1, overlap=4, yaml="crlf",
        element="f16",
    ),
    Case(
        name="mono-network-tta",
        purpose="mono network and mono mix, bottleneck factor 8, augmentation (swapping one "
        "channel changes nothing), model. prefix under 'state'",
        seed=106, n_fft=256, hop=64, dim_f=128, chunk=960, dim_t=16,
        subbands=2, scales=2, blocks=1, width=5, growth=3, bottleneck=8, scale=(2, 2),
        norm="InstanceNorm", act="gelu", samples=3000, overlap=2, tta=True,
        channels=1, mix_channels=1,
        extension="th", container=Container(nest="state", prefix="model."),
    ),
    Case(
        name="mono-mix-32k",
        purpose="mono mix into a stereo network, 32 kHz, inference.chunk_size over audio's, "
        "overlap 3 that does not divide it, scale [2, 3], all bins",
        seed=107, n_fft=160, hop=40, dim_f=81, chunk=1240, dim_t=32,
        subbands=3, scales=2, blocks=1, width=7, growth=1, bottleneck=3, scale=(2, 3),
        norm="InstanceNorm", act="relu", samples=1777, overlap=3, mix_channels=1, rate=32000,
        inference_chunk=440, extension="pt",
    ),
    Case(
        name="three-channels-normalize",
        purpose="mix of three channels with an offset, normalisation, safetensors, YAML with "
        "anchors, length one chunk + 1 (reflected)",
        seed=108, n_fft=1200, hop=300, dim_f=64, chunk=2100, dim_t=8,
        subbands=2, scales=1, blocks=1, width=6, growth=6, bottleneck=4, scale=(2, 2),
        norm="BatchNorm", act="elu1.0", samples=2101, overlap=2, mix_channels=3,
        normalize=True, offset=0.03, yaml="anchors",
        extension="safetensors", container=Container(form="safetensors"),
    ),
    Case(
        name="mean-tta-normalize",
        purpose="blend mean with inference.dim_t below audio.dim_t, overlap 3 that does not divide "
        "the chunk (an incomplete chunk at the end does not run), augmentation, normalisation",
        seed=109, n_fft=256, hop=64, dim_f=96, chunk=960, dim_t=16,
        subbands=4, scales=1, blocks=1, width=6, growth=3, bottleneck=2, scale=(2, 2),
        norm="InstanceNorm", act="gelu", samples=704 + 234 + 233, overlap=3, blend="mean",
        tta=True, normalize=True, offset=-0.03, inference_dim_t=12,
    ),
    Case(
        name="mean-overlap-one",
        purpose="blend mean, overlap 1, one sample short of a chunk; GroupNorm5 with groups across "
        "the seam, a hop that does not divide n_fft, f16 weights",
        seed=110, n_fft=480, hop=100, dim_f=64, chunk=1500, dim_t=16,
        subbands=4, scales=1, blocks=1, width=10, growth=5, bottleneck=8, scale=(1, 2),
        norm="GroupNorm5", act="gelu", samples=1499, overlap=1, blend="mean",
        element="f16", extension="pth", container=Container(nest="ema"),
    ),
    Case(
        name="tta-c20-f16",
        purpose="augmentation with fade; 20 and 32 channels, f16 weights",
        seed=111, n_fft=600, hop=150, dim_f=96, chunk=1050, dim_t=8,
        subbands=3, scales=1, blocks=1, width=20, growth=12, bottleneck=2, scale=(2, 2),
        norm="InstanceNorm", act="gelu", samples=2500, overlap=2, tta=True, element="f16",
        yaml="tuple",
    ),
    Case(
        name="residual-c33-bf16",
        purpose="target instrument with residual; 33 and 38 channels, bf16 weights, overlap 5",
        seed=112, n_fft=480, hop=120, dim_f=32, chunk=840, dim_t=8,
        subbands=1, scales=1, blocks=1, width=33, growth=5, bottleneck=4, scale=(2, 1),
        norm="InstanceNorm", act="relu", samples=1300, overlap=5, element="bf16",
        stems=("drums", "vocals", "other"), target="vocals", residual="instrumental",
    ),
    Case(
        name="one-sample-stream-views",
        purpose="one sample; stream container whose tensors are strided views of one storage",
        seed=213, n_fft=240, hop=60, dim_f=64, chunk=900, dim_t=16,
        subbands=2, scales=2, blocks=1, width=4, growth=4, bottleneck=2, scale=(2, 2),
        norm="InstanceNorm", act="gelu", samples=1, overlap=2,
        extension="th", container=Container(form="stream", views=True),
    ),
    Case(
        name="one-sample-mean",
        purpose="one sample with blend mean, overlap 3; bf16 safetensors with prefix",
        seed=114, n_fft=240, hop=60, dim_f=48, chunk=900, dim_t=16,
        subbands=4, scales=1, blocks=1, width=8, growth=8, bottleneck=2, scale=(2, 2),
        norm="BatchNorm", act="gelu", samples=1, overlap=3, blend="mean", element="bf16",
        extension="safetensors", container=Container(form="safetensors", prefix="model."),
    ),
    Case(
        name="overlap-fifty",
        purpose="overlap 50 that does not divide the chunk, length twice the border + 1",
        seed=115, n_fft=240, hop=60, dim_f=24, chunk=1020, dim_t=18,
        subbands=2, scales=1, blocks=1, width=4, growth=2, bottleneck=2, scale=(2, 2),
        norm="InstanceNorm", act="gelu", samples=2001, overlap=50,
    ),
    Case(
        name="mean-overlap-seven",
        purpose="blend mean with inference.dim_t above audio.dim_t, overlap 7 that does not divide "
        "the chunk, scale [4, 2], factor 8, 2 blocks a scale",
        seed=116, n_fft=480, hop=160, dim_f=80, chunk=1120, dim_t=8,
        subbands=5, scales=1, blocks=2, width=6, growth=2, bottleneck=8, scale=(4, 2),
        norm="InstanceNorm", act="elu0.3", samples=1760 + 250, overlap=7, blend="mean",
        inference_dim_t=12, container=Container(nest="model_state_dict"),
    ),
    Case(
        name="chunk-not-of-hops",
        purpose="chunk no multiple of the hop: it counts as the next smaller one",
        seed=117, n_fft=480, hop=120, dim_f=64, chunk=15 * 120 + 77, dim_t=16,
        subbands=4, scales=1, blocks=1, width=8, growth=8, bottleneck=4, scale=(2, 2),
        norm="BatchNorm", act="elu0.3", samples=3300, overlap=3,
    ),
    Case(
        name="silence-inside",
        purpose="digital silence over whole chunks under instance norm, f64 safetensors",
        seed=118, n_fft=240, hop=60, dim_f=96, chunk=900, dim_t=16,
        subbands=4, scales=1, blocks=1, width=4, growth=4, bottleneck=4, scale=(2, 2),
        norm="InstanceNorm", act="gelu", samples=3600, overlap=2, silence=(700, 3000),
        element="f64", extension="safetensors", container=Container(form="safetensors"),
    ),
    Case(
        name="loud-deep",
        purpose="peak 4.0, 4 scales of [2, 2] down to 2 × 2, GroupNorm2, bf16 weights, overlap 4",
        seed=119, n_fft=240, hop=30, dim_f=64, chunk=930, dim_t=32,
        subbands=2, scales=4, blocks=1, width=4, growth=2, bottleneck=2, scale=(2, 2),
        norm="GroupNorm2", act="relu", samples=2200, overlap=4, peak=4.0, element="bf16",
    ),
    Case(
        name="views-in-company",
        purpose="strided views of one storage under 'model', beside optimizer state, NumPy "
        "values and a namespace; shorter than a chunk",
        seed=120, n_fft=1536, hop=384, dim_f=64, chunk=2688, dim_t=8,
        subbands=4, scales=1, blocks=1, width=8, growth=4, bottleneck=2, scale=(2, 2),
        norm="BatchNorm", act="gelu", samples=2000, overlap=2,
        container=Container(nest="model", company=True, views=True),
    ),
    Case(
        name="one-chunk-overlap-one",
        purpose="a single whole chunk, first and last at once: no fade at either end",
        seed=121, n_fft=240, hop=60, dim_f=48, chunk=1260, dim_t=22,
        subbands=1, scales=1, blocks=1, width=12, growth=0, bottleneck=8, scale=(2, 2),
        norm="InstanceNorm", act="relu", samples=1260, overlap=1,
    ),
    Case(
        name="two-chunks-overlap-one",
        purpose="two whole chunks without overlap: zero on both sides of the seam, none at the end",
        seed=122, n_fft=240, hop=80, dim_f=40, chunk=560, dim_t=8,
        subbands=2, scales=1, blocks=1, width=5, growth=3, bottleneck=2, scale=(2, 2),
        norm="InstanceNorm", act="elu0.3", samples=1120, overlap=1, stems=("drums", "bass"),
        element="bf16", extension="safetensors", container=Container(form="safetensors"),
    ),
    Case(
        name="odd-transform",
        purpose="n_fft odd (675 = 3^3 5^2), hop n_fft/5, more chunk than frames cover",
        seed=123, n_fft=675, hop=135, dim_f=336, chunk=2100, dim_t=16,
        subbands=3, scales=2, blocks=1, width=6, growth=2, bottleneck=4, scale=(2, 2),
        norm="InstanceNorm", act="gelu", samples=4001, overlap=3, element="f16",
    ),
    Case(
        name="stereo-into-mono",
        purpose="a mono network gets the mean of a stereo mix",
        seed=124, n_fft=256, hop=64, dim_f=128, chunk=960, dim_t=16,
        subbands=2, scales=1, blocks=1, width=6, growth=2, bottleneck=2, scale=(2, 2),
        norm="InstanceNorm", act="gelu", channels=1, mix_channels=2, samples=3000, overlap=2,
        element="f16",
    ),
)
