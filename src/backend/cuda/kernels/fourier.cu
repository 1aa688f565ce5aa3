/* fourier.cu: short-time Fourier transforms and their inverse. A block transforms one frame of one
 * channel at a time, in shared memory where it fits, by complex passes of radix 2, 3, 4 and 5 that
 * leave the values in order (Stockham; see Van Loan, "Computational Frameworks for the Fast Fourier
 * Transform", 1992). A real frame of even length is a complex one of half its length, whose real
 * and imaginary parts are the samples of even and odd number. Tables come from the host.
 *
 * P is the type of a complex number, Pair or PairF64. */
#include "arguments.h"
#include "kernel.h"

template <class P> FN P complex_multiply(P a, P b) {
    return P{multiply_add(a.x, b.x, -(a.y * b.y)), multiply_add(a.x, b.y, a.y * b.x)};
}

/* A power of the root of unity of n_fft: exp(-2πi k / n_fft). */
template <class P> FN P root_at(const FourierPlan &plan, int k) {
    return global<const P>(plan.roots)[k];
}

/* The number of this block in a grid whose y counts `waveforms`. */
FN int64_t fourier_block(int waveforms) {
    return ((int64_t)block_z() * waveforms + block_y()) * grid_x() + block_x();
}

/* One of a block's two buffers. */
template <class P> FN P *fourier_buffer(const FourierPlan &plan, int64_t block, int which) {
    P *first = plan.scratch ? (P *)plan.scratch + block * 2 * plan.length : (P *)shared_memory();
    return first + which * plan.length;
}

/* One value of a pass: `stride` is the product of the radices of the passes before. */
template <class P>
FN P fourier_value(const FourierPlan &plan, const P *from, int radix, int stride, int index) {
    int left = plan.length / stride / radix; /* of the transform that this pass leaves */
    int t = index / stride, low = index % stride;
    int p = t / radix, j = t % radix;
    int step = plan.n_fft / plan.length * stride;
    P sum = {0, 0};
    for (int k = 0; k < radix; k++) {
        int power = j * (k * left + p) % (left * radix);
        P product =
            complex_multiply(from[low + stride * (p + left * k)], root_at<P>(plan, power * step));
        sum.x += product.x, sum.y += product.y;
    }
    return sum;
}

/* Transforms what is in buffer 0; returns the buffer that holds the result. All threads take part,
 * and may use it at once. */
template <class P> FN P *fourier_transform(const FourierPlan &plan, int64_t block) {
    int stride = 1;
    block_sync();
    for (int pass = 0; pass < plan.passes; pass++) {
        const P *from = fourier_buffer<P>(plan, block, pass % 2);
        P *to = fourier_buffer<P>(plan, block, (pass + 1) % 2);
        int radix = plan.radix[pass];
        for (int i = thread_index(); i < plan.length; i += STFT_THREADS)
            to[i] = fourier_value(plan, from, radix, stride, i);
        stride *= radix;
        block_sync();
    }
    return fourier_buffer<P>(plan, block, plan.passes % 2);
}

FN bool is_halved(const FourierPlan &plan) {
    return plan.length != plan.n_fft;
}

/* Floats before the real part of a waveform's bin 0 of a frame, and from there to another bin. */
FN int64_t frame_offset(const SpectrumLayout &layout, int waveform, int frame) {
    return waveform / layout.group * layout.group_stride +
           (int64_t)(waveform % layout.group) * layout.waveform_stride +
           frame * layout.frame_stride;
}

FN int64_t bin_offset(const SpectrumLayout &layout, int k) {
    return (int64_t)(k % layout.bins) * layout.bin_stride + k / layout.bins;
}

/* ---- Forward ---- */

/* The sample that reflection puts at `index`, as stft_reflect() of the host. */
FN float reflected(const float *waveform, int index, int samples) {
    index = index < 0 ? -index : index;
    return waveform[index >= samples ? 2 * (samples - 1) - index : index];
}

template <class P>
FN auto windowed(const StftArguments &a, const float *waveform, int start, int i) {
    typedef decltype(P::x) Real;
    return (Real)reflected(waveform, start + i, a.samples) * global<const Real>(a.plan.window)[i];
}

/* Bin k of the real frame whose transform is in `z`. */
template <class P> FN P spectrum_bin(const FourierPlan &plan, const P *z, int k) {
    int n = plan.length;
    if (!is_halved(plan))
        return z[k];
    P x = z[k == n ? 0 : k], y = z[k == 0 ? 0 : n - k];
    P even = {0.5f * (x.x + y.x), 0.5f * (x.y - y.y)};
    P odd = {0.5f * (x.y + y.y), 0.5f * (y.x - x.x)};
    P turned = complex_multiply(odd, root_at<P>(plan, k));
    return P{even.x + turned.x, even.y + turned.y};
}

/* Zeros beyond the numbers of the spectrogram, for this frame. */
FN void clear_padding(const StftArguments &a, float *frame) {
    int unused = a.run - a.used;
    for (int i = thread_index(); i < a.runs * unused; i += STFT_THREADS)
        frame[(int64_t)(i / unused) * a.run + a.used + i % unused] = 0;
}

template <class P> FN void stft_frame(const StftArguments &a, int frame) {
    int channel = block_y();
    int64_t block = fourier_block(a.channels);
    const float *waveform = global<const float>(a.waveform) + block_z() * a.waveform_stride +
                            (int64_t)channel * a.samples;
    float *output = global<float>(a.spectrum.address) + block_z() * a.spectrum.sample_stride;
    P *z = fourier_buffer<P>(a.plan, block, 0);
    int start = frame * a.hop - a.plan.n_fft / 2;
    for (int i = thread_index(); i < a.plan.length; i += STFT_THREADS)
        z[i] = is_halved(a.plan) ? P{windowed<P>(a, waveform, start, 2 * i),
                                     windowed<P>(a, waveform, start, 2 * i + 1)}
                                 : P{windowed<P>(a, waveform, start, i), 0};
    z = fourier_transform<P>(a.plan, block);
    for (int k = thread_index(); k < a.bins; k += STFT_THREADS) {
        P value = spectrum_bin(a.plan, z, k);
        float *to = output + frame_offset(a.layout, channel, frame) + bin_offset(a.layout, k);
        to[0] = (float)value.x;
        to[a.layout.imaginary] = (float)value.y;
    }
    if (channel == 0)
        clear_padding(a, output + frame * a.layout.frame_stride);
}

template <class P> FN void stft_frames(const StftArguments &a) {
    for (int frame = block_x(); frame < a.frames; frame += grid_x()) {
        stft_frame<P>(a, frame);
        block_sync();
    }
}

KERNEL(stft, StftArguments, STFT_THREADS, 2) {
    stft_frames<Pair>(a);
}

KERNEL(stft_f64, StftArguments, STFT_THREADS, 2) {
    stft_frames<PairF64>(a);
}

/* ---- Inverse ---- */

/* Bin k of the spectrum, zero beyond the bins that the network knows. Bins that are their own
 * mirrors are real. */
FN Pair stored_bin(const IstftArguments &a, const float *frame, int k) {
    if (k >= a.bins)
        return Pair{0, 0};
    const float *from = frame + bin_offset(a.layout, k);
    bool real = k == 0 || 2 * k == a.plan.n_fft;
    return Pair{from[0], real ? 0.0f : from[a.layout.imaginary]};
}

/* What the forward transform turns into the conjugate of the frame. */
FN Pair conjugate_input(const IstftArguments &a, const float *frame, int k) {
    int n = a.plan.length;
    if (!is_halved(a.plan)) {
        Pair bin = stored_bin(a, frame, 2 * k > n ? n - k : k);
        return Pair{bin.x, 2 * k > n ? bin.y : -bin.y};
    }
    Pair x = stored_bin(a, frame, k), y = stored_bin(a, frame, n - k);
    Pair even = {x.x + y.x, x.y - y.y}, odd = {x.x - y.x, x.y + y.y};
    Pair root = root_at<Pair>(a.plan, k);
    Pair turned = complex_multiply(odd, Pair{root.x, -root.y});
    return Pair{even.x - turned.y, -(even.y + turned.x)};
}

FN void istft_frame(const IstftArguments &a, int row) {
    int waveform = block_y(), n_fft = a.plan.n_fft;
    int64_t block = fourier_block(a.waveforms);
    const float *spectrum = global<const float>(a.spectrum.address) +
                            block_z() * a.spectrum.sample_stride +
                            frame_offset(a.layout, waveform, row);
    float *to = global<float>(a.frames_memory) +
                (((int64_t)block_z() * a.waveforms + waveform) * a.frames + row) * n_fft;
    const float *window = global<const float>(a.plan.window);
    Pair *z = fourier_buffer<Pair>(a.plan, block, 0);
    for (int k = thread_index(); k < a.plan.length; k += STFT_THREADS)
        z[k] = conjugate_input(a, spectrum, k);
    z = fourier_transform<Pair>(a.plan, block);
    for (int i = thread_index(); i < n_fft; i += STFT_THREADS) {
        float sample = !is_halved(a.plan) ? z[i].x : i % 2 == 0 ? z[i / 2].x : -z[i / 2].y;
        to[i] = sample * window[i];
    }
}

KERNEL(istft_frames, IstftArguments, STFT_THREADS, 2) {
    for (int row = block_x(); row < a.frames; row += grid_x()) {
        istft_frame(a, row);
        block_sync();
    }
}

/* Each sample is the sum of the frames that cover it, in their order. */
KERNEL(istft_gather, IstftArguments, STFT_THREADS, 2) {
    int sample = block_x() * STFT_THREADS + thread_index(), n_fft = a.plan.n_fft;
    if (sample >= a.samples)
        return;
    int64_t waveform = (int64_t)block_z() * a.waveforms + block_y();
    const float *frames = global<const float>(a.frames_memory) + waveform * a.frames * n_fft;
    int at = sample + n_fft / 2; /* from the beginning of the first frame */
    int first = at < n_fft ? 0 : (at - n_fft) / a.hop + 1;
    int last = at / a.hop < a.frames ? at / a.hop : a.frames - 1;
    float sum = 0;
    for (int row = first; row <= last && sample < a.length; row++)
        sum += frames[(int64_t)row * n_fft + at - row * a.hop];
    global<float>(a.output)[waveform * a.samples + sample] =
        sample < a.length ? sum * global<const float>(a.gain)[sample] : 0.0f;
}
