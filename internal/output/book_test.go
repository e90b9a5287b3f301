package output

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// say has a component say lines on stdout.
func say(r *Run, lines ...string) {
	for _, l := range lines {
		r.Keeper(Stdout).Add([]byte(l))
	}
}

// count are lines that are numbers, from one up to another.
func count(from, to int) (lines []string) {
	for n := from; n <= to; n++ {
		lines = append(lines, fmt.Sprint(n))
	}
	return lines
}

// texts are lines as a test compares them: `web out text`, or `web lost 3`.
func texts(lines []Line) (all []string) {
	for _, l := range lines {
		if l.Lost > 0 {
			all = append(all, fmt.Sprintf("%s lost %d", l.Component, l.Lost))
			continue
		}
		all = append(all, fmt.Sprintf("%s %s %s", l.Component, strings.TrimPrefix(string(l.Stream), "std"), l.Text))
	}
	return all
}

// reads checks what a follower reads.
func reads(t *testing.T, f *Follower, why string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, texts(f.Read())); diff != "" {
		t.Errorf("%s (-want +got):\n%s", why, diff)
	}
}

// few is a book that keeps three lines of one digit, and not four.
func few() *Book { return NewBook(3*(1+lineCost) + 10) }

func TestABookTellsWhatWasSaidInItsOrder(t *testing.T) {
	b := NewBook(1 << 20)
	web, db := b.Run("web"), b.Run("db")
	say(web, "1")
	db.Keeper(Stderr).Add([]byte("2"))
	say(web, "3", "")
	reads(t, b.Follow("", false, time.Time{}), "all at once", "web out 1", "db err 2", "web out 3", "web out ")
	reads(t, b.Follow("db", false, time.Time{}), "only one", "db err 2")
	reads(t, b.Follow("nobody", false, time.Time{}), "nobody has said nothing")
}

func TestABookKeepsTwoRuns(t *testing.T) {
	b := NewBook(1 << 20)
	now, before := func() *Follower { return b.Follow("web", false, time.Time{}) }, func() *Follower { return b.Follow("web", true, time.Time{}) }
	for n, want := range []string{"a", "b", "c"} {
		if has := b.Has("web"); has != min(n, 2) {
			t.Errorf("before run %d it has %d", n, has)
		}
		say(b.Run("web"), want)
		reads(t, now(), "only this run", "web out "+want)
	}
	reads(t, before(), "only the run before", "web out b")
	b.Run("web")
	reads(t, now(), "a run that has said nothing has no output")
	reads(t, before(), "though the one before it has", "web out c")
}

func TestTheOldestLinesOfARunGoFirst(t *testing.T) {
	b := few()
	web, db := b.Run("web"), b.Run("db")
	say(db, "x")
	say(web, count(1, 5)...)
	reads(t, b.Follow("", false, time.Time{}), "a talkative one costs the others nothing", "db out x", "web lost 2", "web out 3", "web out 4", "web out 5")
	next := b.Run("web")
	say(next, "y")
	say(web, "late")
	reads(t, b.Follow("web", true, time.Time{}), "what comes late still belongs to its run", "web lost 3", "web out 4", "web out 5", "web out late")
	reads(t, b.Follow("web", false, time.Time{}), "and costs the next run nothing", "web out y")
}

func TestALineThatIsLongerThanAllIsCut(t *testing.T) {
	b := few()
	web := b.Run("web")
	say(web, "1", strings.Repeat("x", bookLine+7))
	lines := b.Follow("web", false, time.Time{}).Read()
	if len(lines) != 2 || lines[0].Lost != 1 || len(lines[1].Text) != bookLine || lines[1].Cut != 7 {
		t.Errorf("got %.200v", lines)
	}
	if last := web.Last(1); len(last) != 1 || len(last[0]) != lastBytes {
		t.Errorf("the last line has %d bytes", len(last[0]))
	}
}

func TestARunKnowsItsLastLines(t *testing.T) {
	web := few().Run("web")
	for n, want := range map[int][]string{0: nil, 1: nil} {
		if diff := cmp.Diff(want, web.Last(n)); diff != "" {
			t.Errorf("of nothing the last %d:\n%s", n, diff)
		}
	}
	say(web, count(1, 5)...)
	for n, want := range map[int][]string{0: nil, 2: {"4", "5"}, 3: {"3", "4", "5"}, 9: {"3", "4", "5"}} {
		if diff := cmp.Diff(want, web.Last(n)); diff != "" {
			t.Errorf("the last %d:\n%s", n, diff)
		}
	}
}

func TestAFollowerGoesOnThroughRestarts(t *testing.T) {
	b := few()
	web := b.Run("web")
	say(web, "1")
	f := b.Follow("", false, time.Time{})
	reads(t, f, "what is there", "web out 1")
	reads(t, f, "nothing new")
	say(web, "2")
	again := b.Run("web")
	say(again, "3")
	say(web, "late")
	reads(t, f, "both runs", "web out 2", "web out 3", "web out late")
	say(b.Run("db"), "x")
	reads(t, f, "one that begins now", "db out x")
	say(again, "4", "5")
	say(b.Run("web"), "6")
	say(b.Run("web"), count(1, 5)...)
	reads(t, f, "who is slow is told what is missing of each run", "web out 6", "web lost 2", "web out 3", "web out 4", "web out 5", "web lost 2")
	reads(t, f, "once")
}

func TestLinesFromBeforeSinceAreLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := few()
		web, began := b.Run("web"), time.Now()
		for _, l := range count(1, 5) {
			say(web, l)
			time.Sleep(time.Second)
		}
		reads(t, b.Follow("", false, began), "some may be missing", "web lost 2", "web out 3", "web out 4", "web out 5")
		reads(t, b.Follow("", false, began.Add(2*time.Second)), "the first that is kept is the first that is asked for; another may have been before it", "web lost 2", "web out 3", "web out 4", "web out 5")
		reads(t, b.Follow("", false, began.Add(3*time.Second)), "none is missing", "web out 4", "web out 5")
		reads(t, b.Follow("", false, began.Add(time.Hour)), "none yet")
	})
}

func TestFollowersOfABookAreWokenByLinesAndByTheirContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := few()
		web, f := b.Run("web"), b.Follow("web", false, time.Time{})
		ctx, cancel := context.WithCancelCause(t.Context())
		var woken []error
		var waiting sync.WaitGroup
		wait := func() { waiting.Go(func() { woken = append(woken, f.Wait(ctx)) }) }
		wait()
		synctest.Wait()
		if woken != nil {
			t.Fatalf("with nothing to read it returned %v", woken)
		}
		say(web, "1")
		waiting.Wait()
		wait() // it is not read yet
		waiting.Wait()
		f.Read()
		wait()
		synctest.Wait()
		gone := errors.New("gone")
		cancel(gone)
		waiting.Wait()
		if diff := cmp.Diff([]error{nil, nil, gone}, woken, cmp.Comparer(errors.Is)); diff != "" {
			t.Error(diff)
		}
	})
}

// However many write, restart and follow at once, what a follower reads and what it
// is told that it lost is all there was.
func TestNoLineIsLostOrDoubledUnsaid(t *testing.T) {
	const writers, runs, each = 3, 20, 100
	b := NewBook(50 * (3 + lineCost))
	var writing, following sync.WaitGroup
	over, end := context.WithCancel(t.Context())
	names := []string{"a", "b", "c"}[:writers]
	first := map[string]*Run{}
	for _, name := range names {
		first[name] = b.Run(name)
	}
	for range 3 {
		f := b.Follow("", false, time.Time{})
		following.Go(func() {
			sum := 0
			for more := true; more; {
				more = f.Wait(over) == nil
				for _, l := range f.Read() {
					sum += max(l.Lost, 1)
				}
			}
			if sum != writers*runs*each {
				t.Errorf("%d were read or lost, want %d", sum, writers*runs*each)
			}
		})
	}
	for _, name := range names {
		writing.Go(func() {
			for r, n := first[name], 1; ; r, n = b.Run(name), n+1 {
				if say(r, count(1, each)...); n == runs {
					return
				}
			}
		})
	}
	writing.Wait()
	end()
	following.Wait()
}

// What is not kept is not held: a book's size is what it keeps, however long it runs.
func TestABookDoesNotGrow(t *testing.T) {
	b := NewBook(256 << 10)
	web, text := b.Run("web"), []byte(strings.Repeat("x", 1000))
	for range 100_000 {
		web.Keeper(Stdout).Add(text)
	}
	var now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&now)
	if now.HeapAlloc > 16<<20 {
		t.Errorf("after 100 MB of output %d bytes are in use", now.HeapAlloc)
	}
	runtime.KeepAlive(b)
}
