/* target.c: a model's graph with the options of a compilation. */
#include "session/target.h"

#include "model/network.h"

static void target_release_pages(void *checkpoint) {
    checkpoint_release_pages(checkpoint);
}

cleave_status target_open(Target *target, const cleave_model *model, const Choice *choice,
                          const cleave_separator_settings *settings, Profile *profile,
                          cleave_error *error) {
    *target = (Target){.device = choice->device,
                       .options = {.device = choice->device->index,
                                   .threads = settings->threads,
                                   .precision = settings->precision,
                                   .fuse = settings->compile != 0,
                                   .log = &settings->log,
                                   .profile = profile,
                                   .weights_read = target_release_pages,
                                   .weights_context = model->checkpoint,
                                   .weights_file = checkpoint_file(model->checkpoint)},
                       .geometry = choice->geometry,
                       .stems = network_stems(&model->config, choice->wanted),
                       .held = checkpoint_held_bytes(model->checkpoint)};
    const NetworkUse use = {model->checkpoint, (int)choice->geometry.chunk, choice->wanted};
    cleave_status status = network_graph(&target->graph, &model->config, &use, error);
    if (status == CLEAVE_OK)
        target->chunk_flops = graph_flops(&target->graph);
    return status;
}

void target_close(Target *target) {
    graph_free(&target->graph);
}
