package output

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// said is the line that tells of lines that were lost.
func said(lines, bytes int64) []byte { return fmt.Appendf(nil, "lost %d, %d\n", lines, bytes) }

// A reader takes what a queue writes, a piece whenever it is asked to.
type reader struct {
	got  bytes.Buffer
	read chan struct{} // closed: it reads all
}

func newReader() *reader { return &reader{read: make(chan struct{})} }

func (r *reader) Write(p []byte) (int, error) {
	<-r.read
	return r.got.Write(p)
}

// line is a line of n bytes that begins with a word.
func line(word string, n int) string { return word + strings.Repeat(".", n-len(word)-1) + "\n" }

// write writes to a queue without waiting for it. Afterwards the bubble stands still.
func write(w io.Writer, texts ...string) *sync.WaitGroup {
	var all sync.WaitGroup
	all.Go(func() {
		for _, text := range texts {
			_, _ = io.WriteString(w, text)
		}
	})
	synctest.Wait()
	return &all
}

// words are the first words of the lines that a reader has got.
func words(r *reader) (all []string) {
	for l := range strings.Lines(r.got.String()) {
		word, _, _ := strings.Cut(strings.TrimSuffix(l, "\n"), ".")
		all = append(all, word)
	}
	return all
}

func TestAReaderThatIsSlowLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReader()
		q := NewQueue(r, 2*piece, said)
		var want []string
		var lines []string
		for n := range 20 {
			want = append(want, fmt.Sprint(n))
			lines = append(lines, line(fmt.Sprint(n), piece))
		}
		began := time.Now()
		writing := write(q, lines...)
		for range 20 {
			time.Sleep(patience - time.Millisecond)
			r.read <- struct{}{}
		}
		writing.Wait()
		if took := time.Since(began); took < 15*patience {
			t.Errorf("after %v all was written: nobody has waited for the reader", took)
		}
		if err := q.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, words(r)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWhoDoesNotReadHoldsUpNobodyForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReader()
		q := NewQueue(r, 2*piece+10, said)
		began := time.Now()
		write(q, line("1", piece), line("2", piece), line("3", 100), line("4", 200)).Wait()
		if took := time.Since(began); took != patience {
			t.Errorf("it took %v", took)
		}
		write(q, "5\n", "6\n").Wait() // there is room for them, but lines before them are lost
		if took := time.Since(began); took != patience {
			t.Errorf("once that is known it still takes %v", took)
		}
		r.read <- struct{}{}
		synctest.Wait()
		write(q, "7\n").Wait()
		close(r.read)
		if err := q.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]string{"1", "2", "lost 4, 304", "7"}, words(r)); diff != "" {
			t.Error(diff)
		}
	})
}

// What was lost is told as soon as anything is read, and to who asks for no more too.
func TestWhatWasLostIsToldAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReader()
		q := NewQueue(r, piece, said)
		for range 2 {
			write(q, line("kept", piece), "a\n", "b\n").Wait()
			for range 2 {
				r.read <- struct{}{}
				synctest.Wait()
			}
		}
		if diff := cmp.Diff([]string{"kept", "lost 2, 4", "kept", "lost 2, 4"}, words(r)); diff != "" {
			t.Error(diff)
		}
		if err := q.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestTheLogNeverWaitsAndHasRoomOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReader()
		q := NewQueue(r, piece, said)
		full := write(q, line("1", piece), line("2", piece))
		began := time.Now()
		write(q.NoWait(), line("log 1", reserve), line("log 2", reserve), "log 3\n").Wait()
		if took := time.Since(began); took > 0 {
			t.Errorf("it has waited for %v", took)
		}
		full.Wait()
		write(q.NoWait(), "log 4\n").Wait()
		close(r.read)
		if err := q.Close(t.Context()); err != nil {
			t.Error(err)
		}
		want := []string{"1", "log 1", fmt.Sprintf("lost 4, %d", reserve+piece+12)}
		if diff := cmp.Diff(want, words(r)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestInAHurryNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReader()
		q := NewQueue(r, piece, said)
		began := time.Now()
		waiting := write(q, line("1", piece), "2\n")
		q.Hurry()
		waiting.Wait()
		write(q, "3\n").Wait()
		if took := time.Since(began); took > 0 {
			t.Errorf("it has waited for %v", took)
		}
		close(r.read)
		if err := q.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]string{"1", "lost 2, 4"}, words(r)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAQueueThatIsClosedTakesNothing(t *testing.T) {
	q := NewQueue(io.Discard, 1, said)
	if err := q.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := q.Write([]byte("a\n")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestAReaderThatIsGoneIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue(broken{}, 2*piece, said)
		write(q, line("1", piece), line("2", piece), line("3", piece)).Wait()
		if _, err := q.Write([]byte("4\n")); !errors.Is(err, errGone) {
			t.Errorf("got %v", err)
		}
		if n, err := q.NoWait().Write([]byte("4\n")); n != 2 || err != nil {
			t.Errorf("who never waits is told %d, %v", n, err)
		}
		if err := q.Close(t.Context()); !errors.Is(err, errGone) {
			t.Errorf("got %v", err)
		}
	})
}

// Close gives up when its time is over, and so does whoever waits, though one goroutine
// cannot be had back from a write that does not end.
func TestCloseWaitsNoLongerThanItMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReader()
		q := NewQueue(r, piece, said)
		writing := write(q, line("1", piece), line("2", piece))
		ctx, cancel := context.WithTimeout(t.Context(), patience/2)
		defer cancel()
		began := time.Now()
		err := q.Close(ctx)
		if took := time.Since(began); took != patience/2 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after %v it says %v", took, err)
		}
		writing.Wait()
		close(r.read) // the bubble has to end
	})
}

// full opens a pipe that nobody reads.
func full(t *testing.T) (read, write *os.File) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = read.Close(), write.Close() })
	return read, write
}

// With a real pipe that nobody reads nothing waits for long, what is lost is told when
// somebody reads, and nothing is left behind at the end (TestMain looks for goroutines).
func TestARealPipeThatNobodyReads(t *testing.T) {
	const each, size = 1000, 100 << 10
	read, standard := full(t)
	again, err := Reopen(standard)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	q := NewQueue(again, size, said)
	began := time.Now()
	for n := range 1000 { // 1 MB, more than fits into pipe and queue
		_, _ = io.WriteString(q, line(fmt.Sprint(n), each))
	}
	if took := time.Since(began); took < patience || took > 3*patience {
		t.Errorf("it took %v", took)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := q.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Close says %v", err)
	}
	if _, err := standard.Write(nil); err != nil {
		t.Errorf("the pipe itself: %v", err)
	}
	_ = read.Close()
}

func TestARealPipeThatIsReadAgain(t *testing.T) {
	read, standard := full(t)
	again, err := Reopen(standard)
	if err != nil {
		t.Fatal(err)
	}
	_ = standard.Close()
	q := NewQueue(again, 100<<10, said)
	lines := NewLines("> ", q, nil, false)
	for n := range 1000 {
		_, _ = io.WriteString(lines, line(fmt.Sprint(n), 1000))
	}
	got := make(chan string, 1)
	var reading sync.WaitGroup
	reading.Go(func() {
		text, _ := io.ReadAll(read)
		got <- string(text)
	})
	if err := errors.Join(q.Close(t.Context()), again.Close()); err != nil {
		t.Error(err)
	}
	reading.Wait()
	next, lost := 0, 0
	for l := range strings.Lines(<-got) {
		if l != "> "+line(fmt.Sprint(next), 1000) {
			if _, err := fmt.Sscanf(l, "lost %d, ", &lost); err != nil {
				t.Fatalf("after %d lines comes %.30q", next, l)
			}
			continue
		}
		next++
	}
	if lost == 0 || next+lost != 1000 {
		t.Errorf("%d lines have come and %d are lost", next, lost)
	}
}

func TestOnlyAPipeIsOpenedAgain(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if again, err := Reopen(file); err == nil {
		_ = again.Close()
		t.Error("a file is opened again")
	}
}

// BenchmarkPipe passes a component's lines on to a reader of a pipe; Bare is what a program does
// that only copies, Noted what it costs that each line is written by itself.
func BenchmarkPipe(b *testing.B) {
	text := []byte(strings.Repeat(strings.Repeat("x", 99)+"\n", 327))
	for name, with := range map[string]func(*os.File) (io.Writer, func() error){
		"Bare": func(f *os.File) (io.Writer, func() error) { return f, func() error { return nil } },
		"Lines": func(f *os.File) (io.Writer, func() error) {
			again, _ := Reopen(f)
			q := NewQueue(again, 256<<10, said)
			return NewLines("[out] web: ", q, nil, false), func() error { return errors.Join(q.Close(b.Context()), again.Close()) }
		},
		"Noted": func(f *os.File) (io.Writer, func() error) {
			again, _ := Reopen(f)
			q := NewQueue(again, 256<<10, said)
			lines := NewLines("[out] web: ", q, nil, false).Note(func(int64) {})
			return lines, func() error { return errors.Join(q.Close(b.Context()), again.Close()) }
		},
	} {
		b.Run(name, func(b *testing.B) {
			read, write, err := os.Pipe()
			if err != nil {
				b.Fatal(err)
			}
			var reading sync.WaitGroup
			reading.Go(func() {
				_, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{read}, make([]byte, 32<<10))
			})
			to, end := with(write)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				_, _ = to.Write(text)
			}
			if err := errors.Join(end(), write.Close()); err != nil {
				b.Error(err)
			}
			reading.Wait()
			_ = read.Close()
		})
	}
}
