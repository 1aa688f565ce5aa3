"""The STFT around an exported network, and its inverse, in NumPy and float64."""
import numpy as np


def hann(size):
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)


def stft(signal, size, hop, bins):
    """(channels, samples) → (2·channels, bins, frames)."""
    half = size // 2
    padded = np.pad(signal, ((0, 0), (half, half)), mode="reflect")
    starts = range(0, padded.shape[1] - size + 1, hop)
    frames = np.stack([padded[:, start:start + size] for start in starts], axis=1) * hann(size)
    spectrum = np.fft.rfft(frames)[..., :bins]
    parts = np.stack([spectrum.real, spectrum.imag], axis=1)
    return parts.transpose(0, 1, 3, 2).reshape(-1, bins, len(starts))


def istft(parts, size, hop, samples):
    """(2·channels, bins, frames) → (channels, samples). What is behind the last frame's centre comes
    from that frame."""
    _, bins, count = parts.shape
    parts = parts.reshape(-1, 2, bins, count)
    spectrum = np.zeros((parts.shape[0], size // 2 + 1, count), complex)
    spectrum[:, :bins] = parts[:, 0] + 1j * parts[:, 1]
    frames = np.fft.irfft(spectrum, size, axis=1)
    window = hann(size)
    total = np.zeros((parts.shape[0], size + hop * (count - 1)))
    weight = np.zeros(total.shape[1])
    for index in range(count):
        place = slice(index * hop, index * hop + size)
        total[:, place] += frames[:, :, index] * window
        weight[place] += window ** 2
    kept = slice(size // 2, size // 2 + samples)
    return total[:, kept] / weight[kept]
