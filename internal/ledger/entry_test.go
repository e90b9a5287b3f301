package ledger

import (
	"math/rand/v2"
	"testing"
	"time"
)

// full is a ledger that has an entry for each of so many containers from 1 on, with numbers of
// its own.
func full(mem []byte, n int) (*Ledger, []*Entry) {
	l := Open(mem)
	entries := []*Entry{nil}
	for c := 1; c <= n; c++ {
		e := l.Entry(container(c))
		fill(e, c)
		entries = append(entries, e)
	}
	return l, entries
}

// fill gives an entry numbers of that container's own.
func fill(e *Entry, c int) {
	n := int64(c)
	e.SetPassed(0, n, time.Unix(n, 1))
	e.SetPassed(1, -n+1<<40, time.Unix(n, 1))
	e.SetAnchor(time.Unix(n, 2), [2]int64{n, n})
	e.SetAnchor(time.Unix(n, 3), [2]int64{n + 1, n + 1})
}

// is tells whether an entry has the numbers of a container, or nothing.
func is(e *Entry, c int) (its, nothing bool) {
	n := int64(c)
	at, before := e.Anchor()
	its = e.Passed(0) == n && e.Passed(1) == -n+1<<40 && e.At().Equal(time.Unix(n, 1)) && at.Equal(time.Unix(n, 3)) && before == [2]int64{n + 1, n + 1}
	nothing = e.Passed(0) == 0 && e.Passed(1) == 0 && e.At().IsZero() && at.IsZero() && before == [2]int64{}
	return its, nothing
}

func TestAnEntryIsItsContainersAsLongAsThereIsRoom(t *testing.T) {
	mem := make([]byte, MinSize)
	l, entries := full(mem, maxEntries)
	successor := Open(mem)
	for c := 1; c <= maxEntries; c++ {
		for who, e := range map[string]*Entry{"kept": entries[c], "found": l.Entry(container(c)), "inherited": successor.Entry(container(c))} {
			if its, _ := is(e, c); !its {
				t.Fatalf("container %d: the entry that is %s has not its numbers", c, who)
			}
		}
	}

	one := l.Entry("no ID of an engine's") // takes the place of the first
	if _, nothing := is(one, 0); !nothing {
		t.Error("a new entry has something in it")
	}
	fill(one, 1000)
	fill(entries[1], 1)
	if _, nothing := is(entries[1], 1); !nothing {
		t.Error("an entry that was given away has something in it")
	}
	if its, _ := is(Open(mem).Entry("no ID of an engine's"), 1000); !its {
		t.Error("one whose entry was given away has written there")
	}
	for c := 2; c <= maxEntries; c++ {
		if its, _ := is(l.Entry(container(c)), c); !its {
			t.Fatalf("container %d has lost its entry", c)
		}
	}
	l.Entry(container(1))
	if _, nothing := is(entries[2], 2); !nothing {
		t.Error("the one that was taken first after that was not given away")
	}
}

func TestWhatIsNotKeptIsForgotten(t *testing.T) {
	mem := make([]byte, MinSize)
	l, entries := full(mem, 3)
	l.Keep(container(1), container(2), container(7))
	for c, want := range map[int]bool{1: true, 2: true, 3: false} {
		its, nothing := is(entries[c], c)
		if its != want || nothing == want {
			t.Errorf("container %d is kept: %v, want %v", c, its, want)
		}
	}
	other := l.Entry(container(4)) // in the place of the third, which was the last to be taken
	fill(entries[3], 3)
	if _, nothing := is(other, 4); !nothing {
		t.Error("one that was forgotten has written into another's entry")
	}
	if its, _ := is(Open(mem).Entry(container(2)), 2); !its {
		t.Error("the successor has not what was kept")
	}
	l.Keep()
	if _, nothing := is(l.Entry(container(2)), 2); !nothing {
		t.Error("something is kept")
	}
}

// Who takes another's place is never found with what that one had, however far it got.
func TestAnEntryIsNeverHalfAnothers(t *testing.T) {
	mem := make([]byte, MinSize)
	full(mem, maxEntries)
	r, l := record(mem)
	r.ends(t, func() { l.Entry(container(999)) }, func(l *Ledger, step string) {
		t.Helper()
		for _, c := range []int{999, 1, 200} { // the first ones may have to be taken, from the first one and the second
			if its, nothing := is(l.Entry(container(c)), c); !its && !nothing || c == 200 && nothing {
				t.Fatalf("%s container %d has not its own numbers", step, c)
			}
		}
	})
	r.ends(t, func() { l.Keep(container(7), container(999)) }, func(l *Ledger, step string) {
		t.Helper()
		if its, _ := is(l.Entry(container(7)), 7); !its {
			t.Fatalf("%s one that is kept is not", step)
		}
		if its, nothing := is(l.Entry(container(8)), 8); !its && !nothing {
			t.Fatalf("%s one that is forgotten is so by halves", step)
		}
	})
}

func TestWhatIsSetIsThereAsAWhole(t *testing.T) {
	r, l := record(make([]byte, MinSize))
	e := l.Entry(container(1))
	l.Entry(container(2))
	type anchor struct {
		at     int64
		before [2]int64
	}
	type passed struct{ stdout, stderr, at int64 }
	var wasAnchor anchor
	var wasPassed passed
	for range 20 {
		isAnchor, isPassed, stream := anchor{rand.Int64N(1 << 60), [2]int64{rand.Int64(), rand.Int64()}}, wasPassed, rand.IntN(2)
		isPassed.at = rand.Int64N(1 << 60)
		*[]*int64{&isPassed.stdout, &isPassed.stderr}[stream] = rand.Int64()
		between := isPassed // the number first
		between.at = wasPassed.at

		seen := func(l *Ledger) (anchor, passed) {
			e := l.Entry(container(1))
			at, before := e.Anchor()
			return anchor{nanoseconds(at), before}, passed{e.Passed(0), e.Passed(1), nanoseconds(e.At())}
		}
		r.ends(t, func() { e.SetAnchor(time.Unix(0, isAnchor.at), isAnchor.before) }, func(l *Ledger, step string) {
			t.Helper()
			if a, p := seen(l); a != wasAnchor && a != isAnchor || p != wasPassed {
				t.Fatalf("%s there is %v, %v, want %v or %v", step, a, p, wasAnchor, isAnchor)
			}
		})
		r.ends(t, func() {
			e.SetPassed(stream, *[]*int64{&isPassed.stdout, &isPassed.stderr}[stream], time.Unix(0, isPassed.at))
		},
			func(l *Ledger, step string) {
				t.Helper()
				if a, p := seen(l); a != isAnchor || p != wasPassed && p != between && p != isPassed {
					t.Fatalf("%s there is %v, %v, want %v, %v or %v", step, a, p, wasPassed, between, isPassed)
				}
			})
		if a, p := seen(l); a != isAnchor || p != isPassed {
			t.Fatalf("there is %v, %v, want %v, %v", a, p, isAnchor, isPassed)
		}
		wasAnchor, wasPassed = isAnchor, isPassed
	}
	e.SetPassed(0, 1, time.Time{})
	if !e.At().IsZero() {
		t.Errorf("no time is %v", e.At())
	}
}

// nanoseconds are a time's since 1970; 0: there is none.
func nanoseconds(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.UnixNano()
}
