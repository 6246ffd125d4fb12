/* SPDX-License-Identifier: ISC */
/* A list of the links of an audio file. */
#include "file/link_list.h"

#include <stdlib.h>

bool bsm_audio_links_add(bsm_audio_links *links, const bsm_audio_link *link)
{
    bsm_audio_link *more = realloc(links->links, (links->count + 1) * sizeof *more);
    if (!more) {
        return false;
    }
    links->links = more;
    links->links[links->count++] = *link;
    return true;
}

void bsm_audio_links_clear(bsm_audio_links *links)
{
    free(links->links);
    *links = (bsm_audio_links){0};
}
