/* SPDX-License-Identifier: ISC */
/* Lists the files that one run of bsm-separate works on. */
#include "separate_jobs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bsm_status out_of_memory(bsm_error *error)
{
    return bsm_fail(error, BSM_NO_MEMORY, "list of files: out of memory");
}

bsm_status separate_jobs_add(separate_jobs *list, const char *path, bsm_error *error)
{
    separate_job *more = realloc(list->jobs, (list->count + 1) * sizeof *more);
    if (!more) {
        return out_of_memory(error);
    }
    list->jobs = more;
    separate_job *job = &more[list->count];
    struct stat file;
    *job = (separate_job){.path = strdup(path)};
    if (!job->path) {
        return out_of_memory(error);
    }
    if (stat(path, &file) == 0) {
        job->size = file.st_size > 0 ? (uint64_t)file.st_size : 0;
        job->device = file.st_dev;
        job->inode = file.st_ino;
    }
    list->count++;
    return BSM_OK;
}

void separate_jobs_clear(separate_jobs *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->jobs[i].path);
    }
    free(list->jobs);
    *list = (separate_jobs){0};
}

void separate_jobs_share(separate_jobs *list, size_t rank, size_t size)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (i % size == rank) {
            list->jobs[kept++] = list->jobs[i];
        } else {
            free(list->jobs[i].path);
        }
    }
    list->count = kept;
}

/* ---- Names ---- */

/** One output of one job. */
typedef struct taken_name {
    char *path;
    size_t job;
} taken_name;

/** A trial of the names: empty files with these names are made in folders that are removed again,
 *  so that the file system itself tells which names are the same. */
typedef struct name_trial {
    const separate_jobs *list;
    taken_name *names;
    size_t count;
    char folder[BSM_MAX_PATH]; /* the present folder, or "" */
    int fd;
} name_trial;

static int compare(const void *a, const void *b)
{
    const taken_name *first = a, *second = b;
    const int order = strcmp(first->path, second->path);
    return order ? order : first->job < second->job ? -1 : first->job > second->job;
}

static bsm_status refuse(const name_trial *trial, size_t first, size_t second, bsm_error *error)
{
    const separate_job *jobs = trial->list->jobs;
    const size_t a = trial->names[first].job, b = trial->names[second].job;
    if (strcmp(jobs[a].path, jobs[b].path) == 0) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "%s: is given twice", jobs[a].path);
    }
    return bsm_fail(error, BSM_INVALID_ARGUMENT,
                    "%s and %s would both write %s: tell them apart with --name "
                    "{name}.{ext}.{stem}, or give them other folders",
                    jobs[a].path, jobs[b].path, trial->names[second].path);
}

static void end_folder(name_trial *trial)
{
    if (trial->fd >= 0) {
        DIR *dir = fdopendir(trial->fd);
        for (struct dirent *entry; dir && (entry = readdir(dir));) {
            unlinkat(dirfd(dir), entry->d_name, 0);
        }
        if (dir) {
            closedir(dir);
        } else {
            close(trial->fd);
        }
        rmdir(trial->folder);
        trial->fd = -1;
    }
}

static size_t folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash + 1 - path) : 0;
}

/* Make a folder such as "music/bsm-123.names" beside the outputs, so that it is in the same file
 * system. If it cannot be made, no output can be written either; that is reported later. */
static void begin_folder(name_trial *trial, const char *path)
{
    end_folder(trial);
    const int length = snprintf(trial->folder, sizeof trial->folder, "%.*sbsm-%ld.names",
                                (int)folder_length(path), path, (long)getpid());
    if (length > 0 && (size_t)length < sizeof trial->folder && mkdir(trial->folder, 0700) == 0) {
        trial->fd = open(trial->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
}

static bool is_same_folder(const char *a, const char *b)
{
    const size_t length = folder_length(a);
    return length == folder_length(b) && strncmp(a, b, length) == 0;
}

/* Find the earlier name in this folder that is the same file as `name`. */
static size_t find_twin(const name_trial *trial, size_t name)
{
    struct stat twin, other;
    const char *path = trial->names[name].path;
    size_t i = name;
    if (fstatat(trial->fd, path + folder_length(path), &twin, 0) == 0) {
        while (i-- > 0 && is_same_folder(trial->names[i].path, path)) {
            const char *at = trial->names[i].path + folder_length(path);
            if (fstatat(trial->fd, at, &other, 0) == 0 && other.st_ino == twin.st_ino) {
                return i;
            }
        }
    }
    return name ? name - 1 : 0;
}

static bsm_status try_name(name_trial *trial, size_t i, bsm_error *error)
{
    const char *path = trial->names[i].path;
    if (i == 0 || !is_same_folder(trial->names[i - 1].path, path)) {
        begin_folder(trial, path);
    } else if (strcmp(trial->names[i - 1].path, path) == 0) {
        return refuse(trial, i - 1, i, error);
    }
    if (trial->fd < 0) {
        return BSM_OK;
    }
    const int file = openat(trial->fd, path + folder_length(path),
                            O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0 && errno == EEXIST) {
        return refuse(trial, find_twin(trial, i), i, error);
    }
    if (file >= 0) {
        close(file);
    }
    return BSM_OK;
}

/* An existing output may be the input of another job. */
static bsm_status check_inputs(const name_trial *trial, size_t i, bsm_error *error)
{
    struct stat file;
    const taken_name *name = &trial->names[i];
    if (stat(name->path, &file)) {
        return BSM_OK;
    }
    for (size_t j = 0; j < trial->list->count; j++) {
        const separate_job *job = &trial->list->jobs[j];
        if (job->inode == file.st_ino && job->device == file.st_dev) {
            return bsm_fail(error, BSM_INVALID_ARGUMENT, "%s: would be replaced by an output of %s",
                            job->path, trial->list->jobs[name->job].path);
        }
    }
    return BSM_OK;
}

static bsm_status try_all(name_trial *trial, bsm_error *error)
{
    bsm_status status = BSM_OK;
    qsort(trial->names, trial->count, sizeof *trial->names, compare);
    for (size_t i = 0; i < trial->count && !status; i++) {
        status = try_name(trial, i, error);
        if (!status) {
            status = check_inputs(trial, i, error);
        }
    }
    end_folder(trial);
    return status;
}

static bsm_status list_names(name_trial *trial, const bsm_config *config,
                             const bsm_separate_options *options, bsm_error *error)
{
    trial->names = calloc(trial->list->count * BSM_MAX_OUTPUTS, sizeof *trial->names);
    bsm_status status = trial->names ? BSM_OK : out_of_memory(error);
    for (size_t j = 0; j < trial->list->count && !status; j++) {
        bsm_separate_result outputs;
        status = bsm_separate_outputs(config, trial->list->jobs[j].path, options, &outputs, error);
        for (size_t i = 0; i < outputs.num_outputs && !status; i++) {
            taken_name *name = &trial->names[trial->count++];
            *name = (taken_name){strdup(outputs.outputs[i]), j};
            status = name->path ? BSM_OK : out_of_memory(error);
        }
        bsm_separate_result_free(&outputs);
    }
    return status;
}

/* Resolve the folder, because "./a.wav" and "a.wav" are the same file, as are a link and its
 * target. */
static void resolve_folder(taken_name *name)
{
    char *folder = strndup(name->path, folder_length(name->path));
    char *full = folder ? realpath(*folder ? folder : ".", NULL) : NULL;
    char *path;
    if (full && asprintf(&path, "%s/%s", full, name->path + folder_length(name->path)) >= 0) {
        free(name->path);
        name->path = path;
    }
    free(full);
    free(folder);
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(((const taken_name *)a)->path, ((const taken_name *)b)->path);
}

/* Return true if the input of `job` is an output of another job. */
static bool is_output(const name_trial *names, size_t job)
{
    const taken_name wanted = {names->list->jobs[job].path, job};
    const taken_name *found =
        bsearch(&wanted, names->names, names->count, sizeof wanted, compare_paths);
    return found && found->job != job;
}

static void clear_names(name_trial *trial)
{
    for (size_t i = 0; i < trial->count; i++) {
        free(trial->names[i].path);
    }
    free(trial->names);
}

size_t separate_jobs_drop_outputs(separate_jobs *list, const bsm_config *config,
                                  const bsm_separate_options *options)
{
    name_trial *trial = calloc(1, sizeof *trial);
    bool *drop = calloc(list->count + 1, sizeof *drop);
    size_t kept = 0;
    const size_t before = list->count;
    if (trial && drop) {
        trial->list = list;
        if (list->count && !list_names(trial, config, options, NULL)) {
            qsort(trial->names, trial->count, sizeof *trial->names, compare_paths);
            for (size_t i = 0; i < list->count; i++) {
                drop[i] = is_output(trial, i);
            }
        }
        for (size_t i = 0; i < list->count; i++) {
            if (drop[i]) {
                free(list->jobs[i].path);
            } else {
                list->jobs[kept++] = list->jobs[i];
            }
        }
        list->count = kept;
        clear_names(trial);
    }
    free(trial);
    free(drop);
    return before - list->count;
}

bsm_status separate_jobs_check(const separate_jobs *list, const bsm_config *config,
                               const bsm_separate_options *options, bsm_error *error)
{
    name_trial *trial = calloc(1, sizeof *trial);
    if (!trial) {
        return out_of_memory(error);
    }
    *trial = (name_trial){.list = list, .fd = -1};
    bsm_status status =
        list->count && options->stream <= 0 ? list_names(trial, config, options, error) : BSM_OK;
    if (!status && trial->count) {
        for (size_t i = 0; i < trial->count; i++) {
            resolve_folder(&trial->names[i]);
        }
        status = try_all(trial, error);
    }
    clear_names(trial);
    free(trial);
    return status;
}
