/* token_model.c: the formulas of graph.h, token by token. */
#include "token_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/rope.h"
#include "graph/tokens.h"

static const float *values_of(const Graph *graph, const Node *node, int slot) {
    const Tensor *tensor = graph_weight(graph, node, slot);
    return tensor ? tensor->data : NULL;
}

static double *doubles(size_t count) {
    double *values = calloc(count, sizeof(*values));
    if (!values)
        abort();
    return values;
}

static void normalise(double *to, const double *x, const float *gamma, int features) {
    double squares = 0;
    for (int i = 0; i < features; i++)
        squares += x[i] * x[i];
    double length = fmax(sqrt(squares), 1e-12);
    for (int i = 0; i < features; i++)
        to[i] = x[i] / length * sqrt(features) * (double)gamma[i];
}

/* Output `row` of a linear. */
static double linear(const float *weights, const double *x, int row, int inputs) {
    double sum = 0;
    for (int i = 0; i < inputs; i++)
        sum += (double)weights[(size_t)row * (size_t)inputs + (size_t)i] * x[i];
    return sum;
}

static void feed_forward(const Graph *graph, const Node *node, double *x) {
    int width = node->shape.width;
    int hidden = node->as.feed_forward.hidden;
    double *u = doubles((size_t)width);
    double *h = doubles((size_t)hidden);
    normalise(u, x, values_of(graph, node, FEED_FORWARD_GAMMA), width);
    for (int i = 0; i < hidden; i++) {
        h[i] = linear(values_of(graph, node, FEED_FORWARD_IN), u, i, width) +
               (double)values_of(graph, node, FEED_FORWARD_IN_BIAS)[i];
        h[i] *= 0.5 * erfc(-h[i] * 0.70710678118654752440);
    }
    for (int i = 0; i < width; i++)
        x[i] += linear(values_of(graph, node, FEED_FORWARD_OUT), h, i, hidden) +
                (double)values_of(graph, node, FEED_FORWARD_OUT_BIAS)[i];
    free(u);
    free(h);
}

/* ---- Attention ---- */

/* One sequence of `length` tokens, of which the next is `stride` doubles behind. */
typedef struct Sequence {
    const Graph *graph;
    const Node *node;
    double *x;
    size_t stride;
    int length;
} Sequence;

static void turn(double *head, const float *frequencies, int position, int dim_head) {
    for (int j = 0; j < dim_head / 2; j++) {
        float frequency = frequencies ? frequencies[j] : rope_frequency(j, dim_head);
        double angle = (double)((float)position * frequency);
        double x = head[2 * j];
        double y = head[2 * j + 1];
        head[2 * j] = x * cos(angle) - y * sin(angle);
        head[2 * j + 1] = y * cos(angle) + x * sin(angle);
    }
}

static double product(const double *a, const double *b, int count) {
    double sum = 0;
    for (int i = 0; i < count; i++)
        sum += a[i] * b[i];
    return sum;
}

/* Queries, keys and values of all tokens, (length, 3 · heads · dim_head), and gates behind each. */
static double *project(const Sequence *s, size_t row) {
    const AttentionAttributes *attention = &s->node->as.attention;
    int inner = attention->heads * attention->dim_head;
    int width = s->node->shape.width;
    double *all = doubles((size_t)s->length * row);
    double *u = doubles((size_t)width);
    for (int t = 0; t < s->length; t++) {
        double *to = all + (size_t)t * row;
        normalise(u, s->x + (size_t)t * s->stride, values_of(s->graph, s->node, ATTENTION_GAMMA),
                  width);
        for (int i = 0; i < 3 * inner; i++)
            to[i] = linear(values_of(s->graph, s->node, ATTENTION_QKV), u, i, width);
        for (int h = 0; h < attention->heads; h++) {
            double gate = linear(values_of(s->graph, s->node, ATTENTION_GATES), u, h, width) +
                          (double)values_of(s->graph, s->node, ATTENTION_GATES_BIAS)[h];
            to[3 * inner + h] = 1 / (1 + exp(-gate));
        }
        for (int h = 0; h < 2 * attention->heads; h++)
            turn(to + h * attention->dim_head, values_of(s->graph, s->node, ATTENTION_FREQUENCIES),
                 t, attention->dim_head);
    }
    free(u);
    return all;
}

/* What one head gives to one token. */
static void attend(const Sequence *s, const double *all, size_t row, int t, int head, double *to) {
    const AttentionAttributes *attention = &s->node->as.attention;
    int inner = attention->heads * attention->dim_head;
    const double *query = all + (size_t)t * row + head * attention->dim_head;
    double *weights = doubles((size_t)s->length);
    double largest = -INFINITY;
    double sum = 0;
    for (int k = 0; k < s->length; k++) {
        const double *key = all + (size_t)k * row + inner + head * attention->dim_head;
        weights[k] = product(query, key, attention->dim_head) / sqrt(attention->dim_head);
        largest = fmax(largest, weights[k]);
    }
    for (int k = 0; k < s->length; k++)
        sum += weights[k] = exp(weights[k] - largest);
    for (int k = 0; k < s->length; k++) {
        const double *value = all + (size_t)k * row + 2 * inner + head * attention->dim_head;
        for (int e = 0; e < attention->dim_head; e++)
            to[e] +=
                weights[k] / sum * value[e] * all[(size_t)t * row + (size_t)(3 * inner + head)];
    }
    free(weights);
}

static void attention_sequence(const Sequence *s) {
    const AttentionAttributes *attention = &s->node->as.attention;
    int inner = attention->heads * attention->dim_head;
    size_t row = 3 * (size_t)inner + (size_t)attention->heads;
    double *all = project(s, row);
    for (int t = 0; t < s->length; t++) {
        double *heads = doubles((size_t)inner);
        for (int h = 0; h < attention->heads; h++)
            attend(s, all, row, t, h, heads + h * attention->dim_head);
        for (int i = 0; i < s->node->shape.width; i++)
            s->x[(size_t)t * s->stride + (size_t)i] +=
                linear(values_of(s->graph, s->node, ATTENTION_OUT), heads, i, inner);
        free(heads);
    }
    free(all);
}

static void attention(const Graph *graph, const Node *node, double *tokens) {
    bool frames = node->as.attention.axis == SEQUENCE_FRAMES;
    size_t width = (size_t)node->shape.width;
    size_t band = (size_t)node->shape.height * width;
    int sequences = frames ? node->shape.channels : node->shape.height;
    for (int i = 0; i < sequences; i++) {
        Sequence sequence = {.graph = graph,
                             .node = node,
                             .x = tokens + (size_t)i * (frames ? band : width),
                             .stride = frames ? width : band,
                             .length = frames ? node->shape.height : node->shape.channels};
        attention_sequence(&sequence);
    }
}

void token_model_run(const Graph *graph, int index, double *tokens) {
    const Node *node = &graph->nodes[index];
    int count = node->shape.channels * node->shape.height;
    if (node->op == OP_ATTENTION)
        attention(graph, node, tokens);
    for (int i = 0; i < count; i++) {
        double *x = tokens + (size_t)i * (size_t)node->shape.width;
        if (node->op == OP_FEED_FORWARD)
            feed_forward(graph, node, x);
        else if (node->op == OP_RMS_NORM)
            normalise(x, x, values_of(graph, node, 0), node->shape.width);
    }
}
