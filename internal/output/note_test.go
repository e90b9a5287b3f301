package output

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

// A history is what was written and noted, in its order.
type history struct {
	mu  sync.Mutex
	all []string
}

func (h *history) add(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, fmt.Sprintf(format, args...))
}

// noted makes a function that notes under a name.
func (h *history) noted(name string) *Then {
	then := Then(func(n int64) { h.add("%s %d", name, n) })
	return &then
}

// is compares it with what it has to be. Long texts are cut.
func (h *history) is(t *testing.T, want ...string) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if diff := cmp.Diff(want, h.all); diff != "" {
		t.Error(diff)
	}
}

// Write implements io.Writer for a reader that reads at once.
func (h *history) Write(p []byte) (int, error) {
	h.add("%s", brief(string(p)))
	return len(p), nil
}

// brief is a text without what only makes it long.
func brief(text string) string {
	if len(text) > 40 {
		return fmt.Sprintf("%.5s of %d", text, len(text))
	}
	return strings.TrimSuffix(text, "\n")
}

// A tap is a history whose reader reads when it is told to.
type tap struct {
	history
	read chan struct{}
}

func (r *tap) Write(p []byte) (int, error) {
	<-r.read
	return r.history.Write(p)
}

// Whoever is killed between a write and its note has written one text that was not noted: each
// is written by itself, and noted before the next.
func TestAMarkedTextIsWrittenByItselfAndToldAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &tap{read: make(chan struct{})}
		q := NewQueue(r, 16*piece, said)
		a, b := r.noted("a"), r.noted("b")
		for _, text := range []struct {
			lines string
			then  *Then
			n     int64
		}{
			{"first\n", nil, 0}, // is being written meanwhile
			{"log 1\n", nil, 0},
			{"log 2\n", nil, 0},
			{line("a1", piece), a, 1},
			{"a2\n", a, 2},
			{"b1\n", b, 1},
			{"", b, 2},
			{"log 3\n", nil, 0},
			{line("a3", piece+10), a, 3},
			{line("log 4", 2*piece), nil, 0},
		} {
			var err error
			if text.then == nil {
				_, err = io.WriteString(q, text.lines)
			} else {
				_, err = q.WriteThen([]byte(text.lines), text.then, text.n)
			}
			if err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		r.is(t)
		close(r.read)
		if err := q.Close(t.Context()); err != nil {
			t.Error(err)
		}
		r.is(t, "first", "log 1\nlog 2", "a1... of 4096", "a 1", "a2", "a 2", "b1", "b 1", "b 2", "log 3",
			"a3... of 4096", brief(strings.Repeat(".", 9)+"\n"), "a 3", "log 4 of 4096", "..... of 4096")
	})
}

// It was told as lost, by then.
func TestWhatIsDroppedIsToldBehindTheLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &tap{read: make(chan struct{})}
		q := NewQueue(r, 2*piece, said)
		a, b := r.noted("a"), r.noted("b")
		put := func(then *Then, n int64, text string) {
			if _, err := q.WriteThen([]byte(text), then, n); err != nil {
				t.Error(err)
			}
		}
		put(a, 1, line("a1", piece))
		put(b, 1, line("b1", piece))
		for n := range int64(1000) { // the first of them waits for the reader, and then nobody does
			put(a, 2+n, "lost\n")
			put(b, 2+n, "lost\n")
		}
		q.mu.Lock()
		if n := len(q.marks) + len(q.owed); n > 4 {
			t.Errorf("%d marks are kept of what is lost", n)
		}
		q.mu.Unlock()
		r.read <- struct{}{}
		synctest.Wait()
		put(a, 1002, "a again\n")
		close(r.read)
		if err := q.Close(t.Context()); err != nil {
			t.Error(err)
		}
		r.is(t, "a1... of 4096", "a 1", "b1... of 4096", "b 1", "lost 2000, 10000", "a 1001", "b 1001", "a again", "a 1002")
	})
}

// In a hurry a short line may have room where a longer one had none. It is not told sooner.
func TestWhatComesBehindALossIsToldBehindIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &tap{read: make(chan struct{})}
		q := NewQueue(r, piece+10, said)
		a := r.noted("a")
		q.Hurry()
		for n, text := range []string{line("a1", piece), line("long", 100), "short\n"} {
			if _, err := q.WriteThen([]byte(text), a, int64(n+1)); err != nil {
				t.Error(err)
			}
		}
		close(r.read)
		if err := q.Close(t.Context()); err != nil {
			t.Error(err)
		}
		r.is(t, "a1... of 4096", "a 1", "lost 1, 100", "a 2", "short", "a 3")
	})
}

// A successor passes on what its reader has not got.
func TestWhatCannotBeWrittenIsNeverTold(t *testing.T) {
	t.Run("Gone", func(t *testing.T) {
		var h history
		q := NewQueue(broken{}, 2*piece, said)
		if _, err := q.WriteThen([]byte("a\n"), h.noted("a"), 1); err != nil {
			t.Error(err)
		}
		if err := q.Close(t.Context()); !errors.Is(err, errGone) {
			t.Errorf("got %v", err)
		}
		if _, err := q.WriteThen([]byte("a\n"), h.noted("a"), 2); err == nil {
			t.Error("a queue that is closed takes a line")
		}
		h.is(t)
	})
	t.Run("GivenUp", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := &tap{read: make(chan struct{})}
			q := NewQueue(r, 2*piece, said)
			for n := range int64(3) {
				if _, err := q.WriteThen([]byte("a\n"), r.noted("a"), n+1); err != nil {
					t.Error(err)
				}
				synctest.Wait()
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience/2)
			defer cancel()
			if err := q.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			close(r.read)
			<-q.over
			r.is(t, "a", "a 1") // this one was under way
		})
	})
}

func TestEachLineIsNotedWithItsPlaceInTheStream(t *testing.T) {
	for name, test := range map[string]struct {
		why, in string
		crlf    bool
		want    []string
	}{
		"lines":    {"one by one", "a\n\nbc\n", false, []string{"> a", "2", "> ", "3", "> bc", "6"}},
		"unended":  {"the last one's end is not of the stream", "a\nbc", false, []string{"> a", "2", "> bc", "4"}},
		"terminal": {"a CR that is dropped has been of the stream", "a\r\nb\rc\r\nd", true, []string{"> a", "3", "> b\rc", "8", "> d", "9"}},
		"long":     {"a part of a line is passed on", part + part + "x\n", false, []string{"> xxx of 65539", "65536", "> xxx of 65539", "131072", "> x", "131074"}},
		"between": {"a CR that may be of the end waits for it", part[1:] + "\ry\r\n", true,
			[]string{"> xxx of 65538", "65535", "> \ry", "65539"}},
	} {
		t.Run(name, func(t *testing.T) {
			var direct, queued history
			q := NewQueue(&piecewise{to: &queued}, 1<<20, said)
			for to, h := range map[io.Writer]*history{&direct: &direct, q: &queued} {
				var kept memory
				lines := NewLines("> ", to, &kept, test.crlf).Note(func(n int64) { h.add("%d", n) })
				cut(lines, test.in)
				if err := lines.Close(); err != nil {
					t.Error(err)
				}
				if kept.Len() < len(test.in)-2 {
					t.Errorf("it keeps %d bytes", kept.Len())
				}
			}
			if err := q.Close(t.Context()); err != nil {
				t.Error(err)
			}
			direct.is(t, test.want...)
			queued.is(t, test.want...)
		})
	}
}

// A piecewise writer puts the pieces of a line together again.
type piecewise struct {
	to   *history
	line []byte
}

func (w *piecewise) Write(p []byte) (int, error) {
	w.line = append(w.line, p...)
	if p[len(p)-1] == '\n' {
		_, _ = w.to.Write(w.line)
		w.line = w.line[:0]
	}
	return len(p), nil
}

func TestWhatIsOnlyRememberedIsNotedThen(t *testing.T) {
	var h history
	lines := NewLines("> ", nil, keeps{&h}, true).Note(func(n int64) { h.add("%d", n) })
	for _, piece := range []string{"a\r\nb\r\nc", "d\r\n", "e"} {
		_, _ = io.WriteString(lines, piece)
	}
	if err := lines.Close(); err != nil {
		t.Error(err)
	}
	h.is(t, "a\nb", "6", "cd", "10", "e", "11")
}

// keeps is a history that remembers lines.
type keeps struct{ *history }

func (k keeps) Add(lines []byte) { _, _ = k.Write(lines) }

func TestWhatAReaderThatWentAwayDidNotGetIsNotNoted(t *testing.T) {
	var h history
	lines := NewLines("", broken{}, nil, false).Note(func(n int64) { h.add("%d", n) })
	_, _ = io.WriteString(lines, "a\nb\n")
	if err := lines.Close(); !errors.Is(err, errGone) {
		t.Errorf("got %v", err)
	}
	h.is(t)
}

// Only who notes has somebody who goes on there.
func TestALineWithoutAnEndIsLeftToASuccessor(t *testing.T) {
	for _, test := range []struct {
		noted bool
		want  []string
	}{{true, []string{"a", "2"}}, {false, []string{"a", "b"}}} {
		var h history
		lines := NewLines("", &h, nil, false)
		if test.noted {
			lines.Note(func(n int64) { h.add("%d", n) })
		}
		_, _ = io.WriteString(lines, "a\nb")
		lines.Leave()
		if err := lines.Close(); err != nil {
			t.Error(err)
		}
		h.is(t, test.want...)
	}
}

func TestNotingLinesAllocatesNothing(t *testing.T) {
	var passed int64
	q := NewQueue(io.Discard, 256<<10, said)
	lines := NewLines("[out] web: ", q, nil, true).Note(func(n int64) { passed = n })
	text := []byte(strings.Repeat("a line of some length\r\n", 1000) + "half")
	for range 10 {
		_, _ = lines.Write(text)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = lines.Write(text) }); n > 10 { // the queue's memory may still grow
		t.Errorf("1000 lines allocate %v times", n)
	}
	if err := errors.Join(lines.Close(), q.Close(t.Context())); err != nil || passed != 111*int64(len(text)) {
		t.Errorf("%d bytes of %d are noted, %v", passed, 111*len(text), err)
	}
}
