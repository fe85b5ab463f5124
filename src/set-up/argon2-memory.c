/*
 * Where a hash takes its memory from, in place of malloc: regions that are kept for the next hash. The kernel
 * hands out fresh memory zeroed and page by page, which takes longer than the hash itself. Regions begin and end
 * at huge pages, of which a hash of 46 MiB needs 24 instead of 11,776 small ones.
 *
 * As many regions are kept as hashes ever ran at once; argon2 wipes each when its hash is done.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)
/* The head takes a small page of its own, so that what a hash works on begins at a page. */
#define HEAD ((size_t)4096)
/* More is given back at once: only a hash from elsewhere asks for so much. */
#define LARGEST_KEPT ((size_t)64 << 20)
#define MOST_KEPT 64

typedef struct region {
    struct region *next;
    size_t size;
} region;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static region *kept = NULL;
static int kept_count = 0;

static size_t round_up(size_t size) {
    return (size + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
}

static region *take_kept(size_t size) {
    pthread_mutex_lock(&lock);
    region **at = &kept;
    while (*at != NULL && (*at)->size != size) at = &(*at)->next;
    region *found = *at;
    if (found != NULL) {
        *at = found->next;
        kept_count -= 1;
    }
    pthread_mutex_unlock(&lock);
    return found;
}

static region *map(size_t size) {
    uint8_t *mapped = mmap(NULL, size + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) return NULL;
    uint8_t *start = (uint8_t *)round_up((uintptr_t)mapped);
    size_t before = (size_t)(start - mapped);
    if (before > 0) munmap(mapped, before);
    if (before < HUGE_PAGE) munmap(start + size, HUGE_PAGE - before);
#ifdef MADV_HUGEPAGE
    /* Where there are none, small pages do. */
    (void)madvise(start, size, MADV_HUGEPAGE);
#endif
#ifdef MADV_DONTDUMP
    (void)madvise(start, size, MADV_DONTDUMP);
#endif
    region *made = (region *)start;
    made->size = size;
    return made;
}

void *holdfast_take_memory(size_t wanted) {
    if (wanted > SIZE_MAX - HEAD - 2 * HUGE_PAGE) return NULL;
    size_t size = round_up(wanted + HEAD);
    region *taken = take_kept(size);
    if (taken == NULL) taken = map(size);
    return taken == NULL ? NULL : (uint8_t *)taken + HEAD;
}

void holdfast_give_memory(void *memory) {
    if (memory == NULL) return;
    region *given = (region *)((uint8_t *)memory - HEAD);
    pthread_mutex_lock(&lock);
    int is_kept = given->size <= LARGEST_KEPT && kept_count < MOST_KEPT;
    if (is_kept) {
        given->next = kept;
        kept = given;
        kept_count += 1;
    }
    pthread_mutex_unlock(&lock);
    if (!is_kept) munmap(given, given->size);
}
