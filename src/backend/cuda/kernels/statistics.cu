/* statistics.cu: from the moments of parts of values to the scale and shift of a norm. A block has
 * one group of channels of one sample. Sums over parts are in double precision, in an order that
 * depends on the shapes alone. */
#include "arguments.h"
#include "kernel.h"

/* The moments of one channel. */
struct ChannelMoments {
    const Moments *first;
    int parts;
    int stride; /* between two parts */
};

FN int channel_position(const StatisticsArguments &a, int channel) {
    return global<const int32_t>(a.positions)[channel];
}

FN ChannelMoments channel_moments(const StatisticsArguments &a, int channel) {
    int position = channel_position(a, channel);
    bool second = position >= a.channels[0];
    int own = second ? position - a.channels[0] : position;
    int channels = second ? a.channels[1] : a.channels[0];
    int parts = second ? a.parts[1] : a.parts[0];
    uint64_t moments = second ? a.moments[1] : a.moments[0];
    return ChannelMoments{global<const Moments>(moments) + (int64_t)block_z() * parts * channels +
                              own,
                          parts, channels};
}

/* Sums two numbers of all threads; each thread gets the sums. */
FN void block_sums(double &x, double &y) {
    double *memory = (double *)shared_memory();
    block_sync();
    memory[2 * thread_index()] = x;
    memory[2 * thread_index() + 1] = y;
    block_sync();
    x = 0, y = 0;
    for (int i = 0; i < STATISTICS_THREADS; i++)
        x += memory[2 * i], y += memory[2 * i + 1];
}

KERNEL(statistics, StatisticsArguments, STATISTICS_THREADS, 4) {
    int first = block_x() * a.group_channels;
    double count = 0, sum = 0;
    for (int c = 0; c < a.group_channels; c++) {
        ChannelMoments m = channel_moments(a, first + c);
        for (int part = thread_index(); part < m.parts; part += STATISTICS_THREADS) {
            const Moments &one = m.first[(int64_t)part * m.stride];
            count += one.count, sum += one.sum;
        }
    }
    block_sums(count, sum);
    double mean = sum / count, deviations = 0, unused = 0;
    for (int c = 0; c < a.group_channels; c++) {
        ChannelMoments m = channel_moments(a, first + c);
        for (int part = thread_index(); part < m.parts; part += STATISTICS_THREADS) {
            const Moments &one = m.first[(int64_t)part * m.stride];
            double off = (double)one.sum / one.count - mean;
            deviations += one.deviations + off * off * one.count;
        }
    }
    block_sums(deviations, unused);
    double scale = 1 / square_root(deviations / count + (double)a.epsilon);
    for (int c = thread_index(); c < a.group_channels; c += STATISTICS_THREADS) {
        const Pair gain_bias = global<const Pair>(a.gain_bias)[first + c];
        double gain = gain_bias.x * scale;
        Pair *to = global<Pair>(a.norm) + (int64_t)block_z() * a.norm_stride +
                   channel_position(a, first + c);
        *to = Pair{(float)gain, (float)(gain_bias.y - mean * gain)};
    }
}
