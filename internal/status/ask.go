package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/logbuffer"
	"github.com/podlike/podlike/internal/socket"
)

// Read asks the supervisor of this container how its pod is, at length.
func Read(ctx context.Context) (p Pod, err error) {
	body, err := ask(ctx, http.MethodGet, statusPath, nil)
	if err != nil {
		return p, err
	}
	defer body.Close()
	if err := json.NewDecoder(body).Decode(&p); err != nil {
		return p, fmt.Errorf("cannot read the supervisor's answer: %w", err)
	}
	return p, nil
}

// Handover has the next stop of this container's supervisor leave its components running.
func Handover(ctx context.Context) error {
	body, err := ask(ctx, http.MethodPost, handoverPath, nil)
	if err != nil {
		return err
	}
	return body.Close()
}

// Events passes on what has happened to the pod and, with follow, what happens, until
// the supervisor ends. Of events that the supervisor remembers no more it tells how
// many they were, and no event. An error of tell's ends it.
func Events(ctx context.Context, follow bool, tell func(e event.Event, lost int) error) error {
	return each(ctx, eventsPath, LogQuery{Follow: follow}.values(), follow, func(t toldEvent) error {
		if t.Event == nil {
			t.Event = new(event.Event)
		}
		return tell(*t.Event, t.Lost)
	})
}

// Logs passes lines of the components' output on, until the supervisor ends where
// they are followed. An error of tell's ends it.
func Logs(ctx context.Context, q LogQuery, tell func(logbuffer.Line) error) error {
	return each(ctx, logsPath, q.values(), q.Follow, func(t toldLine) error { return tell(t.line()) })
}

// told is a line as it is sent.
func told(l logbuffer.Line) toldLine {
	t := toldLine{At: l.At, Component: l.Component, Stream: l.Stream, Text: l.Text, Partial: l.Partial, Lost: l.Lost}
	if !utf8.ValidString(l.Text) {
		t.Text, t.Raw = "", []byte(l.Text)
	}
	return t
}

// line is a line as it was.
func (t toldLine) line() logbuffer.Line {
	if t.Raw != nil {
		t.Text = string(t.Raw)
	}
	return logbuffer.Line{At: t.At, Component: t.Component, Stream: t.Stream, Text: t.Text, Partial: t.Partial, Lost: t.Lost}
}

// errCut is why a stream ends though the pod does not.
var errCut = errors.New("the supervisor has ended the answer, because it was not read for too long")

// each asks for a stream of values and passes them on. One that is followed ends when
// the supervisor does, who may have had no time to say so. It is an error when that has
// ended only the stream.
func each[T any](ctx context.Context, path string, query url.Values, follow bool, tell func(T) error) error {
	body, err := ask(ctx, http.MethodGet, path, query)
	if err != nil {
		return err
	}
	defer body.Close()
	for values := json.NewDecoder(body); ; {
		var v T
		err := values.Decode(&v)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case follow && cut(err):
			if _, err := socket.Health(ctx); err == nil {
				return errCut
			}
			return nil
		case err != nil:
			return fmt.Errorf("cannot read the supervisor's answer: %w", err)
		}
		if err := tell(v); err != nil {
			return err
		}
	}
}

// cut tells whether an answer ended because its sender did.
func cut(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
}

// ask asks the supervisor of this container and returns the body of its answer.
func ask(ctx context.Context, method, path string, query url.Values) (io.ReadCloser, error) {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return socket.Dial(ctx) }
	client := http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(ctx, method, "http://podlike"+path+"?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("cannot ask the supervisor: %w", err)
	}
	if res.StatusCode == http.StatusOK {
		return res.Body, nil
	}
	defer res.Body.Close()
	said, err := io.ReadAll(io.LimitReader(res.Body, 4<<10))
	if err != nil {
		return nil, fmt.Errorf("cannot ask the supervisor: %w", err)
	}
	return nil, errors.New(strings.TrimSpace(string(said)))
}
