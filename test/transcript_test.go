package test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/podlike/podlike/internal/dockertest"
)

// A transcript is what a container has printed so far. It is read while it grows.
type transcript struct {
	out, err page
	ended    chan struct{} // closed when nothing more comes
}

// A page is what one stream of a transcript has.
type page struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (p *page) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *page) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// transcribe attaches to a container. Run reads what it prints from then on, and what it has
// printed before where that is wanted, until it ends or ctx does. Of both, a line may come twice.
func transcribe(ctx context.Context, d *dockertest.Engine, id string, before bool) (s *transcript, run func(), err error) {
	stream, err := d.Client().ContainerAttach(ctx, id, container.AttachOptions{Stream: true, Stdout: true, Stderr: true, Logs: before})
	if err != nil {
		return nil, nil, err
	}
	s = &transcript{ended: make(chan struct{})}
	return s, func() {
		defer close(s.ended)
		defer context.AfterFunc(ctx, stream.Close)()
		defer stream.Close()
		if _, err := stdcopy.StdCopy(&s.out, &s.err, stream.Reader); err != nil && !errors.Is(err, io.EOF) && ctx.Err() == nil {
			fmt.Fprintf(&s.err, "(cannot read more of the transcript: %v)\n", err)
		}
	}, nil
}

// stream is what there is on a stream: out or err.
func (s *transcript) stream(name string) string {
	if name == "err" {
		return s.err.String()
	}
	return s.out.String()
}

// over says whether nothing more comes.
func (s *transcript) over() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// numbers are the ends of the lines that begin with prefix, and the lines that do not.
func numbers(lines, prefix string) (all []int, others []string) {
	for line := range strings.Lines(lines) {
		line = strings.TrimSuffix(line, "\n")
		rest, is := strings.CutPrefix(line, prefix)
		if n, err := strconv.Atoi(rest); is && err == nil {
			all = append(all, n)
		} else {
			others = append(others, line)
		}
	}
	return all, others
}

// A count is how far one run of a component has counted, in lines from 1 on.
type count struct {
	last    int
	mayLack bool // lines that nobody can get any more
}

// fits says whether the numbers are those of all these runs, one after the other, each
// number once. They begin with those of the first run.
func fits(got []int, runs []count) bool {
	if len(runs) == 0 {
		return len(got) == 0
	}
	first := runs[0]
	for n := 0; ; n++ { // how many numbers are the first run's
		if (first.mayLack || n == first.last) && fits(got[n:], runs[1:]) {
			return true
		}
		switch {
		case n == len(got) || got[n] > first.last:
			return false
		case n > 0 && got[n] <= got[n-1]:
			return false
		case !first.mayLack && got[n] != n+1:
			return false
		}
	}
}

// ranges are numbers for people: "1-5 1-3 5".
func ranges(all []int) string {
	var words []string
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n] == all[n-1]+1 {
			n++
		}
		word := strconv.Itoa(all[0])
		if n > 1 {
			word += "-" + strconv.Itoa(all[n-1])
		}
		words, all = append(words, word), all[n:]
	}
	return strings.Join(words, " ")
}

// saysMissing says whether a supervisor tells that output of a component is missing:
// among the component's lines or in its log.
func saysMissing(said *transcript, component string) bool {
	for line := range strings.Lines(said.out.String() + said.err.String()) {
		rest, own := strings.CutPrefix(line, "[out] "+component+": ")
		if !own {
			rest, own = strings.CutPrefix(line, "[err] "+component+": ")
		}
		logged := strings.HasPrefix(line, "{") && strings.Contains(line, `"component":"`+component+`"`)
		if (own || logged) && (strings.Contains(rest, "missing") || strings.Contains(rest, "output lost")) {
			return true
		}
	}
	return false
}
