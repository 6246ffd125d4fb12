/* SPDX-License-Identifier: ISC */
/* The file that libsndfile writes into. */
#include "file/encoder_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WRITE_BACK = 8 << 20 };

static sf_count_t io_length(void *user)
{
    const bsm_encoder_io *io = user;
    struct stat status;
    return fstat(io->fd, &status) ? -1 : status.st_size - io->inserted;
}

static sf_count_t io_seek(sf_count_t offset, int whence, void *user)
{
    bsm_encoder_io *io = user;
    const sf_count_t from = whence == SEEK_SET   ? 0
                            : whence == SEEK_CUR ? io->position
                                                 : io_length(user);
    io->position = from + offset;
    return io->position;
}

static sf_count_t io_read(void *data, sf_count_t count, void *user)
{
    (void)data, (void)count, (void)user;
    return 0;
}

static sf_count_t io_tell(void *user)
{
    return ((const bsm_encoder_io *)user)->position;
}

/* The disk writes while we compute, so that fsync has little left to wait for. */
static void begin_write_back(bsm_encoder_io *io, size_t written)
{
    io->unsent += written;
    if (io->unsent >= WRITE_BACK) {
        sync_file_range(io->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
        io->unsent = 0;
    }
}

static size_t write_at(bsm_encoder_io *io, const void *data, size_t count, int64_t at)
{
    size_t done = 0;
    while (done < count && !io->cause) {
        const ssize_t written =
            pwrite(io->fd, (const char *)data + done, count - done, at + (int64_t)done);
        if (written >= 0) {
            done += (size_t)written;
        } else if (errno != EINTR) {
            io->cause = errno;
        }
    }
    begin_write_back(io, done);
    return done;
}

/* Bytes on one side of the insertion. */
static size_t write_side(bsm_encoder_io *io, const void *data, size_t count)
{
    const bool behind = io->insert && io->position >= io->insert_at;
    if (behind && !io->inserted) {
        io->inserted = (int64_t)write_at(io, io->insert, io->insert_size, io->insert_at);
    }
    const size_t done = write_at(io, data, count, io->position + (behind ? io->inserted : 0));
    io->position += (int64_t)done;
    return done;
}

static sf_count_t io_write(const void *data, sf_count_t count, void *user)
{
    bsm_encoder_io *io = user;
    size_t first = (size_t)count, done;
    if (io->insert && io->position < io->insert_at && io->position + count > io->insert_at) {
        first = (size_t)(io->insert_at - io->position);
    }
    done = write_side(io, data, first);
    if (done == first && first < (size_t)count) {
        done += write_side(io, (const char *)data + first, (size_t)count - first);
    }
    return (sf_count_t)done;
}

SF_VIRTUAL_IO bsm_encoder_io_functions(void)
{
    return (SF_VIRTUAL_IO){.get_filelen = io_length,
                           .seek = io_seek,
                           .read = io_read,
                           .write = io_write,
                           .tell = io_tell};
}

void bsm_encoder_io_clear(bsm_encoder_io *io)
{
    free(io->insert);
    io->insert = NULL;
}
