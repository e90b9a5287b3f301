package docker

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/podlike/podlike/internal/engine"
)

// The streams of an answer without a TTY come in frames of one record each: a byte for
// the stream, three zeros, four bytes for the size, and that many bytes.
const (
	frameHeader = 8
	// frameMost is more than any engine puts in one. A bigger one is no frame.
	frameMost = 16 << 20
)

// A containerLog reads what the engine has kept of a container's output.
type containerLog struct {
	from   io.ReadCloser
	tty    bool
	id     engine.ID
	cancel context.CancelFunc
	closed atomic.Bool
	buffer []byte
}

// Log implements engine.Engine. The log outlives ctx. An engine may end it before the last
// that a container has printed, most often a line without an end: it removes the log
// with the container. Who is attached misses nothing.
func (d *Engine) Log(ctx context.Context, id engine.ID, tty bool, since time.Time) (engine.Log, error) {
	options := container.LogsOptions{ShowStdout: true, ShowStderr: true, Follow: true, Timestamps: !tty}
	if !since.IsZero() {
		options.Since = stamp(since)
	}
	reading, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, cancel)
	from, err := d.api.ContainerLogs(reading, string(id), options)
	if !stop() && err == nil {
		err = errors.Join(context.Cause(ctx), from.Close())
	}
	if err != nil {
		cancel()
		return nil, logFail(ctx, err, id)
	}
	return &containerLog{from: from, tty: tty, id: id, cancel: cancel}, nil
}

// logFail tells of a log that nobody can read.
func logFail(ctx context.Context, err error, id engine.ID) error {
	if errdefs.IsNotImplemented(err) || has(err.Error(), "does not support reading") {
		return fmt.Errorf("cannot read the log of container %.12s: %w: %w", id, engine.ErrNoLog, plain{err})
	}
	return fail(ctx, err, "read the log of container %.12s", id)
}

// Next implements engine.Log.
func (l *containerLog) Next() (engine.Record, error) {
	next := l.frame
	if l.tty {
		next = l.piece
	}
	r, err := next()
	switch {
	case err == nil || err == io.EOF:
		return r, err
	case l.closed.Load():
		err = net.ErrClosed
	}
	return engine.Record{}, logFail(context.Background(), err, l.id)
}

// piece is what a terminal has got, as it comes.
func (l *containerLog) piece() (engine.Record, error) {
	if l.buffer == nil {
		l.buffer = make([]byte, 16<<10)
	}
	for {
		n, err := l.from.Read(l.buffer)
		if n > 0 || err != nil {
			if n > 0 {
				err = nil // it comes again
			}
			return engine.Record{Text: l.buffer[:n]}, err
		}
	}
}

// frame reads one.
func (l *containerLog) frame() (r engine.Record, err error) {
	var header [frameHeader]byte
	if _, err := io.ReadFull(l.from, header[:]); err != nil {
		return r, err
	}
	stream, size := stdcopy.StdType(header[0]), binary.BigEndian.Uint32(header[4:])
	if stream > stdcopy.Systemerr || !bytes.Equal(header[1:4], []byte{0, 0, 0}) || size > frameMost {
		return r, fmt.Errorf("%q is no frame", header)
	}
	if int(size) > cap(l.buffer) {
		l.buffer = make([]byte, size)
	}
	text := l.buffer[:size]
	if _, err := io.ReadFull(l.from, text); err != nil {
		return r, &lost{err: err}
	}
	if stream == stdcopy.Systemerr {
		return r, fmt.Errorf("%w: %s", engine.ErrInternal, bytes.TrimSpace(text))
	}
	word, text, _ := bytes.Cut(text, []byte(" "))
	at, err := time.Parse(time.RFC3339Nano, string(word))
	return engine.Record{At: at, Stderr: stream == stdcopy.Stderr, Text: text}, err
}

// Close implements engine.Log.
func (l *containerLog) Close() error {
	l.closed.Store(true)
	l.cancel()
	return l.from.Close()
}
