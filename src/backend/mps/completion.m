/* completion.m: a flag that the completion handler raises, and a wait with a limit for it. */
#include "backend/mps/completion.h"

#include <Block.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define PATIENCE 1 /* seconds: the GPU is done already, and all that is missing is a call */

struct MpsCompletion {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int references; /* of the one who waits, and of a handler that was not called yet */
    bool told;
    NSError *error; /* retained */
    MPSGraphExecutableCompletionHandler of_executable;
    MPSGraphCompletionHandler of_graph;
};

MpsCompletion *completion_create(void) {
    MpsCompletion *completion = calloc(1, sizeof(*completion));
    if (!completion)
        return NULL;
    pthread_mutex_init(&completion->mutex, NULL);
    pthread_cond_init(&completion->changed, NULL);
    completion->references = 1;
    return completion;
}

static void destroy(MpsCompletion *completion) {
    pthread_cond_destroy(&completion->changed);
    pthread_mutex_destroy(&completion->mutex);
    [completion->error release];
    if (completion->of_executable)
        Block_release(completion->of_executable);
    if (completion->of_graph)
        Block_release(completion->of_graph);
    free(completion);
}

static void add_reference(MpsCompletion *completion) {
    pthread_mutex_lock(&completion->mutex);
    completion->references++;
    pthread_mutex_unlock(&completion->mutex);
}

void completion_release(MpsCompletion *completion) {
    if (!completion)
        return;
    pthread_mutex_lock(&completion->mutex);
    int left = --completion->references;
    pthread_mutex_unlock(&completion->mutex);
    if (left == 0)
        destroy(completion);
}

/* The handler's part. */
static void tell(MpsCompletion *completion, NSError *error) {
    pthread_mutex_lock(&completion->mutex);
    bool first = !completion->told;
    if (first)
        completion->error = [error retain];
    completion->told = true;
    pthread_cond_broadcast(&completion->changed);
    pthread_mutex_unlock(&completion->mutex);
    if (first)
        completion_release(completion);
}

/* Blocks are copied here, since the property that takes them need not do so. */
MPSGraphExecutableCompletionHandler completion_of_executable(MpsCompletion *completion) {
    add_reference(completion);
    completion->of_executable =
        Block_copy(^(NSArray<MPSGraphTensorData *> *results, NSError *error) {
          (void)results;
          tell(completion, error);
        });
    return completion->of_executable;
}

MPSGraphCompletionHandler completion_of_graph(MpsCompletion *completion) {
    add_reference(completion);
    completion->of_graph = Block_copy(^(MPSGraphTensorDataDictionary *results, NSError *error) {
      (void)results;
      tell(completion, error);
    });
    return completion->of_graph;
}

NSError *completion_wait(MpsCompletion *completion, bool *told) {
    struct timespec until;
    int code = 0;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE;
    pthread_mutex_lock(&completion->mutex);
    while (!completion->told && code == 0)
        code = pthread_cond_timedwait(&completion->changed, &completion->mutex, &until);
    *told = completion->told;
    NSError *error = [[completion->error retain] autorelease];
    pthread_mutex_unlock(&completion->mutex);
    return error;
}
