/* SPDX-License-Identifier: ISC */
/* Home folders in paths. */
#include "config/home.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The home of a user, or with an empty name one's own; NULL if it is not known. */
static const char *find_home(const char *user)
{
    const char *home = getenv("HOME");
    if (!*user && home && *home) {
        return home;
    }
    const struct passwd *entry = *user ? getpwnam(user) : getpwuid(getuid());
    return entry ? entry->pw_dir : NULL;
}

bsm_status bsm_home_expand(char **path, bsm_error *error)
{
    if (!*path || (*path)[0] != '~') {
        return BSM_OK;
    }
    const size_t length = strcspn(*path + 1, "/");
    char user[256];
    snprintf(user, sizeof user, "%.*s", length < sizeof user ? (int)length : 0, *path + 1);
    const char *home = length < sizeof user ? find_home(user) : NULL;
    if (!home) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT,
                        "%s: there is no home folder of that name; a file that is called so is "
                        "./%s",
                        *path, *path);
    }
    char *expanded = NULL;
    if (asprintf(&expanded, "%s%s", home, *path + 1 + length) < 0) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", *path);
    }
    free(*path);
    *path = expanded;
    return BSM_OK;
}
