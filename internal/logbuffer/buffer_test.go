package logbuffer

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
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// say has a component say lines on stdout, each so long that it fills a block.
func say(r *Run, lines ...string) {
	for _, l := range lines {
		r.Keeper(Stdout).Add([]byte(l + strings.Repeat(" ", blockSize-headerSize-len(l)-1) + "\n"))
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
		all = append(all, fmt.Sprintf("%s %s %s", l.Component, strings.TrimPrefix(string(l.Stream), "std"), strings.TrimRight(l.Text, " ")))
	}
	return all
}

// all reads until there is nothing more.
func all(f *Follower) (lines []Line) {
	for some := f.Read(); len(some) > 0; some = f.Read() {
		lines = append(lines, some...)
	}
	return lines
}

// reads checks what a follower reads.
func reads(t *testing.T, f *Follower, why string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, texts(all(f))); diff != "" {
		t.Errorf("%s (-want +got):\n%s", why, diff)
	}
}

// few is a buffer that keeps so many lines of say's.
func few(n int) *Buffer {
	b := NewBuffer(0)
	b.max = n * blockSize
	return b
}

// now and before follow a component's run and the one before it.
func now(b *Buffer, component string) *Follower    { return b.Follow(component, false, time.Time{}) }
func before(b *Buffer, component string) *Follower { return b.Follow(component, true, time.Time{}) }

func TestABufferTellsWhatWasSaidInItsOrder(t *testing.T) {
	b := NewBuffer(1 << 20)
	web, db := b.Run("web"), b.Run("db")
	out, err := web.Keeper(Stdout), db.Keeper(Stderr)
	out.Add([]byte("1\n"))
	err.Add([]byte("2\n"))
	out.Add([]byte("3\n\n4\n"))
	reads(t, now(b, ""), "all at once", "web out 1", "db err 2", "web out 3", "web out ", "web out 4")
	reads(t, now(b, "db"), "only one", "db err 2")
	reads(t, now(b, "nobody"), "nobody has said nothing")
}

func TestABufferKeepsTwoRuns(t *testing.T) {
	b := NewBuffer(1 << 20)
	for n, want := range []string{"a", "b", "c"} {
		if runs := b.Runs("web"); runs != min(n, 2) {
			t.Errorf("before run %d it has %d", n, runs)
		}
		say(b.Run("web"), want)
		reads(t, now(b, "web"), "only this run", "web out "+want)
	}
	reads(t, before(b, "web"), "only the run before", "web out b")
	b.Run("web")
	reads(t, now(b, "web"), "a run that has said nothing has no output")
	reads(t, before(b, "web"), "though the one before it has", "web out c")
}

func TestTheOldestLinesOfTheLoudestRunGoFirst(t *testing.T) {
	b := few(4)
	web, db := b.Run("web"), b.Run("db")
	say(db, "x")
	say(web, count(1, 5)...)
	reads(t, now(b, ""), "a loud one costs the others nothing", "db out x", "web lost 2", "web out 3", "web out 4", "web out 5")
	next := b.Run("web")
	say(next, "y")
	reads(t, before(b, "web"), "the run that holds most pays", "web lost 3", "web out 4", "web out 5")
	say(web, "late")
	reads(t, before(b, "web"), "what comes late still belongs to its run, which pays", "web lost 4", "web out 5", "web out late")
	reads(t, now(b, "web"), "and costs the next run nothing", "web out y")
	say(next, "z")
	say(next, "zz")
	reads(t, now(b, "web"), "those that hold the same lose their own lines, or else the older ones", "web lost 1", "web out z", "web out zz")
	reads(t, now(b, "db"), "and never the one that has least", "db out x")
}

// Where there are more runs than room, who needs some takes it from the one whose lines
// are the oldest, and not from who spoke last.
func TestAmongEqualsTheOldestLinesGo(t *testing.T) {
	b := few(2)
	for _, name := range []string{"a", "b", "c"} {
		say(b.Run(name), "1")
	}
	reads(t, now(b, ""), "a has spoken first", "a lost 1", "b out 1", "c out 1")
	again := b.Run("c")
	say(again, "2")
	reads(t, now(b, ""), "then b", "a lost 1", "b lost 1", "c out 2")
	say(again, "3")
	reads(t, now(b, ""), "but who has something to lose pays for itself", "a lost 1", "b lost 1", "c lost 1", "c out 3")
	reads(t, before(b, "c"), "so what is older stays", "c out 1")
}

func TestALineThatIsVeryLongIsKeptInParts(t *testing.T) {
	b := NewBuffer(1 << 20)
	web := b.Run("web")
	x := strings.Repeat("x", maxLine)
	k := web.Keeper(Stdout)
	k.Add([]byte("1\n" + x + "\n" + x))
	k.Add([]byte("end\n" + x + x + "y\n"))
	type part struct {
		bytes   int
		partial bool
	}
	var got []part
	for _, l := range all(now(b, "web")) {
		got = append(got, part{len(l.Text), l.Partial})
	}
	want := []part{{1, false}, {maxLine, false}, {maxLine, true}, {3, false}, {maxLine, true}, {maxLine, true}, {1, false}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(part{})); diff != "" {
		t.Error(diff)
	}
	if last := web.Last(2); len(last) != 2 || len(last[0]) != lastBytes || last[1] != "y" {
		t.Errorf("the last lines are %.20q", last)
	}
}

func TestALineAlwaysFits(t *testing.T) {
	b := NewBuffer(0)
	web := b.Run("web")
	for range 3 {
		web.Keeper(Stdout).Add([]byte(strings.Repeat("x", maxLine) + "\n"))
	}
	if lines := all(now(b, "web")); len(lines) != 2 || lines[0].Lost != 2 || len(lines[1].Text) != maxLine {
		t.Errorf("got %d lines, %.200v", len(lines), lines)
	}
}

func TestARunKnowsItsLastLines(t *testing.T) {
	web := few(3).Run("web")
	for n, want := range map[int][]string{0: nil, 1: nil} {
		if diff := cmp.Diff(want, web.Last(n)); diff != "" {
			t.Errorf("of nothing the last %d:\n%s", n, diff)
		}
	}
	say(web, count(1, 4)...)
	web.Keeper(Stderr).Add([]byte("5\n6\n"))
	for n, want := range map[int][]string{0: nil, 1: {"6"}, 2: {"5", "6"}, 3: {"4", "5", "6"}, 9: {"3", "4", "5", "6"}} {
		got := web.Last(n)
		for i := range got {
			got[i] = strings.TrimRight(got[i], " ")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the last %d:\n%s", n, diff)
		}
	}
}

func TestAFollowerGoesOnThroughRestarts(t *testing.T) {
	b := few(4)
	web := b.Run("web")
	say(web, "1")
	f := now(b, "")
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
	reads(t, f, "who is slow is told what is missing of each run, where it was", "web lost 2", "web out 6", "web lost 3", "web out 4", "web out 5")
	reads(t, f, "once")
}

func TestLinesFromBeforeSinceAreLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := few(3)
		web, began := b.Run("web"), time.Now()
		for _, l := range count(1, 5) {
			say(web, l)
			time.Sleep(time.Second)
		}
		since := func(d time.Duration) *Follower { return b.Follow("", false, began.Add(d)) }
		reads(t, since(0), "two are missing", "web lost 2", "web out 3", "web out 4", "web out 5")
		reads(t, since(time.Second), "one at least", "web lost 2", "web out 3", "web out 4", "web out 5")
		reads(t, since(time.Second+1), "none is missing", "web out 3", "web out 4", "web out 5")
		reads(t, since(3*time.Second), "it was at that moment", "web out 4", "web out 5")
		reads(t, b.Follow("", false, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)), "none in our time")
		f := since(6 * time.Second)
		reads(t, f, "none yet")
		say(web, "6")
		reads(t, f, "still too early")
		time.Sleep(time.Second)
		say(web, "7")
		reads(t, f, "late enough", "web out 7")
	})
}

// A clock that is set says nothing of how old a line is.
func TestAClockThatIsSetChangesNoAge(t *testing.T) {
	noon := time.Date(2001, 2, 3, 12, 0, 0, 0, time.UTC)
	for name, step := range map[string]time.Duration{"Back": -time.Hour, "Forth": time.Hour, "Not": 0} {
		t.Run(name, func(t *testing.T) {
			b := NewBuffer(1 << 20)
			wall, passed := noon, time.Duration(0)
			b.now = func() (time.Time, time.Duration) { return wall, passed }
			goOn := func(d time.Duration) { wall, passed = wall.Add(d), passed+d }
			web := b.Run("web").Keeper(Stdout)
			web.Add([]byte("1\n"))
			goOn(10 * time.Minute)
			web.Add([]byte("2\n"))
			wall = wall.Add(step)
			goOn(10 * time.Minute)
			web.Add([]byte("3\n"))
			goOn(10 * time.Minute)
			ago := func(d time.Duration) *Follower { return b.Follow("web", false, wall.Add(-d)) }
			reads(t, ago(31*time.Minute), "all", "web out 1", "web out 2", "web out 3")
			reads(t, ago(25*time.Minute), "not the first", "web out 2", "web out 3")
			reads(t, ago(15*time.Minute), "only the last", "web out 3")
			reads(t, ago(5*time.Minute), "none yet")
			if at := all(now(b, "web"))[1].At; !at.Equal(noon.Add(10 * time.Minute)) {
				t.Errorf("the second line was said at %v by the clock of then", at)
			}
		})
	}
}

func TestFollowersAreWokenByLinesAndByTheirContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := few(3)
		web, f := b.Run("web"), now(b, "web")
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
		all(f)
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

// However much is there, a reader gets some of it at a time, and is not left waiting for
// the rest.
func TestAReaderNeedsLittleMemory(t *testing.T) {
	b := NewBuffer(1 << 20)
	web := b.Run("web").Keeper(Stdout)
	const lines = 100_000
	for range lines / 100 {
		web.Add([]byte(strings.Repeat("x\n", 100)))
	}
	f, sum, most := now(b, ""), 0, 0
	for more := f.Read(); len(more) > 0; more = f.Read() {
		sum, most = sum+len(more), max(most, len(more))
		if sum < lines && f.Wait(t.Context()) != nil {
			t.Fatal("it is left waiting")
		}
	}
	if most*lineCost > 2*readBytes || sum != lines {
		t.Errorf("%d lines at once, %d in all", most, sum)
	}
}

// However many write, restart and follow at once, what a follower reads and what it
// is told that it lost is all there was.
func TestNoLineIsLostOrDoubledUnsaid(t *testing.T) {
	const runs, each = 10, 50
	b := few(50)
	var writing, following sync.WaitGroup
	over, end := context.WithCancel(t.Context())
	names := []string{"a", "b", "c"}
	first := map[string]*Run{}
	for _, name := range names {
		first[name] = b.Run(name)
	}
	for range 3 {
		f := now(b, "")
		following.Go(func() {
			sum := 0
			for more := true; more; {
				more = f.Wait(over) == nil
				for _, l := range all(f) {
					sum += max(l.Lost, 1)
				}
			}
			if sum != len(names)*runs*each {
				t.Errorf("%d were read or lost, want %d", sum, len(names)*runs*each)
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

// What is not kept is not held: a buffer's size is what it was given, however much is said
// by however many, in lines of whatever length.
func TestABufferDoesNotGrow(t *testing.T) {
	const size = 1 << 20
	before := inUse()
	b := NewBuffer(size)
	for i := range 20 {
		for range 3 {
			r := b.Run(fmt.Sprint("c", i))
			for _, n := range []int{1, 10, 100, 1000, 10_000, 60_000} {
				text := []byte(strings.Repeat("x", n) + "\n")
				for range max(2000/n, 20) {
					r.Keeper(Stderr).Add(text)
				}
			}
		}
	}
	if b.used > size {
		t.Errorf("%d bytes are accounted for", b.used)
	}
	if used := inUse() - before; used > size+256<<10 {
		t.Errorf("%d bytes are in use", used)
	}
	runtime.KeepAlive(b)
}

// inUse are how many bytes of the heap are.
func inUse() int64 {
	var now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&now)
	return int64(now.HeapAlloc)
}

// A full buffer uses the memory again that it has.
func TestAFullBufferAllocatesNothing(t *testing.T) {
	b := few(64)
	k, lines := b.Run("web").Keeper(Stdout), []byte(strings.Repeat("a line of some length\n", 50))
	fill := func() {
		for range 1000 {
			k.Add(lines)
		}
	}
	fill()
	if n := testing.AllocsPerRun(10, fill); n > 20 { // a list of blocks is made anew now and then
		t.Errorf("1000 writes allocate %v times", n)
	}
}

func BenchmarkAdd(b *testing.B) {
	k, lines := NewBuffer(2<<20).Run("web").Keeper(Stdout), []byte(strings.Repeat("a line of some length\n", 100))
	b.SetBytes(int64(len(lines)))
	b.ReportAllocs()
	for b.Loop() {
		k.Add(lines)
	}
}
