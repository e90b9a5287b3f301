package fake

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"

	"github.com/podlike/podlike/internal/engine"
)

// A pipe holds what was written until it is read, however much that is.
type pipe struct {
	mu     sync.Mutex
	more   *sync.Cond // something was written, or it was closed
	chunks []chunk
	closed chan struct{}
}

// A chunk is one write.
type chunk struct {
	stderr bool
	bytes  []byte
}

func newPipe() *pipe {
	p := &pipe{closed: make(chan struct{})}
	p.more = sync.NewCond(&p.mu)
	return p
}

func (p *pipe) isClosed() bool {
	select {
	case <-p.closed:
		return true
	default:
		return false
	}
}

// put writes one chunk, unless the pipe is closed.
func (p *pipe) put(c chunk) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.isClosed() {
		return io.ErrClosedPipe
	}
	p.chunks = append(p.chunks, c)
	p.more.Broadcast()
	return nil
}

// take reads one chunk; ok is false when there is none and will be none.
func (p *pipe) take() (c chunk, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.chunks) == 0 && !p.isClosed() {
		p.more.Wait()
	}
	if len(p.chunks) == 0 {
		return chunk{}, false
	}
	c, p.chunks = p.chunks[0], p.chunks[1:]
	return c, true
}

// close ends the pipe behind what was written so far. It may be called again.
func (p *pipe) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.isClosed() {
		close(p.closed)
		p.more.Broadcast()
	}
}

// stdinReader is a process's end of its stdin.
type stdinReader struct{ from *pipe }

func (r stdinReader) Read(p []byte) (int, error) {
	c, ok := r.from.take()
	if !ok {
		return 0, io.EOF
	}
	n := copy(p, c.bytes)
	if rest := c.bytes[n:]; len(rest) > 0 {
		r.from.mu.Lock()
		r.from.chunks = append([]chunk{{bytes: rest}}, r.from.chunks...)
		r.from.mu.Unlock()
	}
	return n, nil
}

// output is a process's end of stdout or stderr: all who are attached get it.
type output struct {
	c      *container
	stderr bool
}

func (o output) Write(p []byte) (int, error) {
	o.c.on.mu.Lock()
	defer o.c.on.mu.Unlock()
	written := chunk{stderr: o.stderr, bytes: bytes.Clone(p)}
	if o.c.TTY {
		written = chunk{bytes: bytes.ReplaceAll(p, []byte("\n"), []byte("\r\n"))}
	}
	o.c.log.keep(written)
	for _, s := range o.c.streams {
		_ = s.output.put(written) // who has let go gets nothing more
	}
	return len(p), nil
}

// A stream is one attachment.
type stream struct {
	output *pipe
	stdin  *pipe // nil: not attached to
	mu     sync.Mutex
	left   bool // by this side
	lost   bool // by the engine
}

// Attach implements engine.Engine. The stream outlives ctx.
func (e *Engine) Attach(ctx context.Context, id engine.ID, asked engine.Container) (s engine.Stream, err error) {
	err = e.callWith(ctx, "Attach", id, func(c *container) error {
		made := &stream{output: newPipe()}
		if asked.Stdin {
			made.stdin = c.stdin
		}
		c.streams = append(c.streams, made)
		s = made
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Copy implements engine.Stream.
func (s *stream) Copy(stdout, stderr io.Writer) error {
	for {
		c, ok := s.output.take()
		if !ok {
			return s.ending()
		}
		to := stdout
		if c.stderr {
			to = stderr
		}
		if _, err := to.Write(c.bytes); err != nil {
			return err
		}
	}
}

// ending is the error of a connection that this side has closed.
func (s *stream) ending() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left {
		return net.ErrClosed
	}
	return nil
}

// cutOff ends the connection from the engine's side.
func (s *stream) cutOff() {
	s.mu.Lock()
	s.lost = true
	s.mu.Unlock()
	s.output.close()
	_ = s.CloseWrite() // does not fail
}

// Write implements engine.Stream.
func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	lost := s.lost
	s.mu.Unlock()
	if lost {
		return 0, errCut
	}
	if s.stdin == nil {
		return 0, errors.New("stdin is not attached")
	}
	if err := s.stdin.put(chunk{bytes: bytes.Clone(p)}); err != nil {
		return 0, err
	}
	return len(p), nil
}

// CloseWrite implements engine.Stream.
func (s *stream) CloseWrite() error {
	if s.stdin != nil {
		s.stdin.close()
	}
	return nil
}

// Close implements engine.Stream.
func (s *stream) Close() error {
	s.mu.Lock()
	s.left = true
	s.mu.Unlock()
	s.output.close()
	return s.CloseWrite()
}
