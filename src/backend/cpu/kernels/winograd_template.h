/* winograd_template.h: the two-dimensional transforms of Winograd's F(m×m, 3×3), once for each
 * size: whoever includes it names
 *
 *   WINOGRAD(name)  the functions, and the lines' transforms of winograd_lines.h
 *   WINOGRAD_TILE   m
 *
 * and gets WINOGRAD(input), WINOGRAD(weights) and WINOGRAD(output). The names are undefined again
 * at the end. */
#define WINOGRAD_WINDOW (WINOGRAD_TILE + 2)

/* One vector of lanes of a row of tiles. Tiles overlap by two columns, which are kept. */
ALWAYS_INLINE void WINOGRAD(input_lanes)(void *to, size_t at, size_t to_stride, const float *from,
                                         size_t from_stride, size_t tiles, ElementStore *store) {
    enum { OVERLAP = WINOGRAD_WINDOW - WINOGRAD_TILE };
    Vector columns[WINOGRAD_WINDOW][WINOGRAD_WINDOW]; /* [column][row] */
    for (size_t tile = 0; tile < tiles; tile++) {
        UNROLL
        for (int x = 0; x < WINOGRAD_WINDOW; x++) {
            if (tile > 0 && x < OVERLAP) {
                UNROLL
                for (int y = 0; y < WINOGRAD_WINDOW; y++)
                    columns[x][y] = columns[x + WINOGRAD_TILE][y];
                continue;
            }
            Vector window[WINOGRAD_WINDOW];
            UNROLL
            for (int y = 0; y < WINOGRAD_WINDOW; y++)
                window[y] = simd_load(from + (size_t)y * from_stride + (size_t)x * CHANNEL_BLOCK);
            WINOGRAD(input_line)(columns[x], window);
        }
        UNROLL
        for (int y = 0; y < WINOGRAD_WINDOW; y++) {
            Vector line[WINOGRAD_WINDOW];
            Vector out[WINOGRAD_WINDOW];
            UNROLL
            for (int x = 0; x < WINOGRAD_WINDOW; x++)
                line[x] = columns[x][y];
            WINOGRAD(input_line)(out, line);
            UNROLL
            for (int x = 0; x < WINOGRAD_WINDOW; x++)
                store(to, at + (size_t)(y * WINOGRAD_WINDOW + x) * to_stride, out[x]);
        }
        from += WINOGRAD_TILE * CHANNEL_BLOCK;
        at += CHANNEL_BLOCK;
    }
}

ALWAYS_INLINE void WINOGRAD(input)(void *to, size_t to_stride, const float *from,
                                   size_t from_stride, size_t tiles, ElementStore *store) {
    for (size_t lane = 0; lane < CHANNEL_BLOCK; lane += SIMD_LANES)
        WINOGRAD(input_lanes)(to, lane, to_stride, from + lane, from_stride, tiles, store);
}

ALWAYS_INLINE void WINOGRAD(weights_lanes)(float *to, size_t to_stride, const float *taps) {
    Vector columns[3][WINOGRAD_WINDOW];
    UNROLL
    for (int x = 0; x < 3; x++) {
        Vector filter[3];
        UNROLL
        for (int y = 0; y < 3; y++)
            filter[y] = simd_load(taps + (y * 3 + x) * CHANNEL_BLOCK * CHANNEL_BLOCK);
        WINOGRAD(weights_line)(columns[x], filter);
    }
    UNROLL
    for (int y = 0; y < WINOGRAD_WINDOW; y++) {
        Vector out[WINOGRAD_WINDOW];
        Vector line[3] = {columns[0][y], columns[1][y], columns[2][y]};
        WINOGRAD(weights_line)(out, line);
        UNROLL
        for (int x = 0; x < WINOGRAD_WINDOW; x++)
            simd_store(to + (size_t)(y * WINOGRAD_WINDOW + x) * to_stride, out[x]);
    }
}

static void WINOGRAD(weights)(float *to, size_t to_stride, const float *taps) {
    for (size_t i = 0; i < CHANNEL_BLOCK * CHANNEL_BLOCK; i += SIMD_LANES)
        WINOGRAD(weights_lanes)(to + i, to_stride, taps + i);
}

/* One vector of lanes of one tile; `rows` × `columns` of it are written. */
ALWAYS_INLINE void WINOGRAD(output_tile)(const WinogradOutput *o, size_t at, size_t from,
                                         size_t rows, size_t columns) {
    Vector half[WINOGRAD_WINDOW][WINOGRAD_TILE]; /* [column][row] */
    UNROLL
    for (int x = 0; x < WINOGRAD_WINDOW; x++) {
        Vector points[WINOGRAD_WINDOW];
        UNROLL
        for (int y = 0; y < WINOGRAD_WINDOW; y++)
            points[y] =
                simd_load(o->from + (size_t)(y * WINOGRAD_WINDOW + x) * o->from_stride + from);
        WINOGRAD(output_line)(half[x], points);
    }
    UNROLL
    for (size_t y = 0; y < WINOGRAD_TILE; y++) {
        Vector line[WINOGRAD_WINDOW];
        Vector out[WINOGRAD_TILE];
        UNROLL
        for (int x = 0; x < WINOGRAD_WINDOW; x++)
            line[x] = half[x][y];
        WINOGRAD(output_line)(out, line);
        if (y >= rows)
            break;
        UNROLL
        for (size_t x = 0; x < WINOGRAD_TILE; x++) {
            size_t position = at + y * o->to_stride + x * CHANNEL_BLOCK;
            if (x < columns)
                simd_store(o->to + position,
                           o->add ? simd_add(out[x], simd_load(o->add + position)) : out[x]);
        }
    }
}

static void WINOGRAD(output)(const WinogradOutput *o) {
    for (size_t tile = 0; tile * WINOGRAD_TILE < o->positions; tile++) {
        size_t left = o->positions - tile * WINOGRAD_TILE;
        for (size_t lane = 0; lane < CHANNEL_BLOCK; lane += SIMD_LANES) {
            size_t at = tile * WINOGRAD_TILE * CHANNEL_BLOCK + lane;
            size_t from = tile * CHANNEL_BLOCK + lane;
            if (o->rows == WINOGRAD_TILE && left >= WINOGRAD_TILE)
                WINOGRAD(output_tile)(o, at, from, WINOGRAD_TILE, WINOGRAD_TILE);
            else
                WINOGRAD(output_tile)(o, at, from, o->rows, left);
        }
    }
}

#undef WINOGRAD
#undef WINOGRAD_TILE
#undef WINOGRAD_WINDOW
