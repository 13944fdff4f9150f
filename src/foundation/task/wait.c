/* wait: what tasks wait with, built on task_suspend() and task_wake(): wait lists, channels,
 * semaphores. */
#include "task.h"

#include "foundation/base/base.h"

struct wait_node {
    struct wait_node *previous, *next;
    struct task *task;
    bool woken;
};

static void list_remove(struct wait_list *list, struct wait_node *node)
{
    if (node->previous)
        node->previous->next = node->next;
    else
        list->first = node->next;
    if (node->next)
        node->next->previous = node->previous;
    else
        list->last = node->previous;
}

enum err wait_list_await(struct wait_list *list)
{
    struct wait_node node = { .previous = list->last, .task = task_current() };
    if (list->last)
        list->last->next = &node;
    else
        list->first = &node;
    list->last = &node;
    enum err result = task_suspend();
    if (!node.woken)
        list_remove(list, &node);
    /* Woken and cancelled in one turn: the wake must not be lost, or the thing waited for is. */
    return node.woken ? OK : result;
}

unsigned wait_list_wake(struct wait_list *list, unsigned count)
{
    unsigned woken = 0;
    while (list->first && woken < count) {
        struct wait_node *node = list->first;
        list_remove(list, node);
        node->woken = true;
        task_wake(node->task);
        woken++;
    }
    return woken;
}

void channel_init(struct channel *channel, struct arena *arena, unsigned capacity)
{
    ASSERT(capacity > 0);
    *channel =
        (struct channel){ .items = ARENA_ARRAY(arena, capacity, void *), .capacity = capacity };
}

enum err channel_send(struct channel *channel, void *item)
{
    while (!channel->closed && channel->count == channel->capacity)
        TRY(wait_list_await(&channel->senders));
    if (channel->closed)
        return err_set(ERR_GONE, "channel-closed", "the channel is closed");
    channel->items[(channel->head + channel->count++) % channel->capacity] = item;
    wait_list_wake(&channel->receivers, 1);
    return OK;
}

enum err channel_receive(struct channel *channel, void **out_item)
{
    while (!channel->closed && channel->count == 0)
        TRY(wait_list_await(&channel->receivers));
    if (channel->count == 0)
        return err_set(ERR_GONE, "channel-closed", "the channel is closed");
    *out_item = channel->items[channel->head];
    channel->head = (channel->head + 1) % channel->capacity;
    channel->count--;
    wait_list_wake(&channel->senders, 1);
    return OK;
}

void channel_close(struct channel *channel)
{
    channel->closed = true;
    wait_list_wake(&channel->senders, UINT32_MAX);
    wait_list_wake(&channel->receivers, UINT32_MAX);
}

void semaphore_init(struct semaphore *semaphore, unsigned count)
{
    *semaphore = (struct semaphore){ .free = count };
}

enum err semaphore_take(struct semaphore *semaphore)
{
    if (semaphore->free) {
        semaphore->free--;
        return OK;
    }
    return wait_list_await(&semaphore->waiters); /* the giver passes its place on */
}

void semaphore_give(struct semaphore *semaphore)
{
    if (wait_list_wake(&semaphore->waiters, 1) == 0)
        semaphore->free++;
}
