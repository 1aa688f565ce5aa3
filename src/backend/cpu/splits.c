/* splits.c: the choice of splits, by the time that the busiest thread takes. */
#include "backend/cpu/splits.h"

#include "base/memory.h"

int splits_choose(size_t groups, int parts, double repeated, int threads) {
    int best = 1;
    double least = 0;
    for (int splits = 1; splits <= parts; splits++) {
        size_t turns = size_divide_up(groups * (size_t)splits, (size_t)threads);
        size_t longest = size_divide_up((size_t)parts, (size_t)splits);
        double time = (double)turns * ((double)longest + repeated);
        if (splits == 1 || time < least) {
            best = splits;
            least = time;
        }
    }
    return best;
}
