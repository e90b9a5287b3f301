package event_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/podlike/podlike/internal/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tell tells events whose reasons are the numbers from one up to another.
func tell(r *event.Ring, from, to int) {
	for n := from; n <= to; n++ {
		r.Tell(event.Event{Kind: event.Waiting, Why: strconv.Itoa(n)})
	}
}

// told are the reasons of events.
func told(events []event.Event) []string {
	var all []string
	for _, e := range events {
		all = append(all, e.Why)
	}
	return all
}

func TestARingRemembersTheLastEventsAndHowManyItForgot(t *testing.T) {
	for name, test := range map[string]struct {
		why   string
		count int
		want  []string
		lost  int
	}{
		"Empty":  {"nothing has happened", 0, nil, 0},
		"Some":   {"there is room", 2, []string{"1", "2"}, 0},
		"Full":   {"there is just enough room", 3, []string{"1", "2", "3"}, 0},
		"Over":   {"the oldest go", 5, []string{"3", "4", "5"}, 2},
		"Around": {"however often", 100, []string{"98", "99", "100"}, 97},
	} {
		t.Run(name, func(t *testing.T) {
			ring := event.NewRing(3)
			tell(ring, 1, test.count)
			got, lost := ring.Follow().Read()
			if diff := cmp.Diff(test.want, told(got)); diff != "" || lost != test.lost {
				t.Errorf("%s: lost %d, want %d\n%s", test.why, lost, test.lost, diff)
			}
		})
	}
}

func TestAFollowerGetsEachEventOnce(t *testing.T) {
	ring := event.NewRing(3)
	tell(ring, 1, 2)
	follower := ring.Follow()
	for _, step := range []struct {
		from, to int
		want     []string
		lost     int
	}{
		{0, -1, []string{"1", "2"}, 0}, // what was there
		{0, -1, nil, 0},                // nothing new
		{3, 4, []string{"3", "4"}, 0},
		{5, 11, []string{"9", "10", "11"}, 4}, // too slow
		{12, 12, []string{"12"}, 0},
	} {
		tell(ring, step.from, step.to)
		got, lost := follower.Read()
		if diff := cmp.Diff(step.want, told(got)); diff != "" || lost != step.lost {
			t.Errorf("after %d to %d: lost %d, want %d\n%s", step.from, step.to, lost, step.lost, diff)
		}
	}
}

func TestFollowersAreWokenByWhatIsNewAndByTheirContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ring := event.NewRing(3)
		follower := ring.Follow()
		ctx, cancel := context.WithCancelCause(t.Context())
		var woken []error
		var waiting sync.WaitGroup
		wait := func() { waiting.Go(func() { woken = append(woken, follower.Wait(ctx)) }) }
		wait()
		synctest.Wait()
		if woken != nil {
			t.Fatalf("with nothing to read it returned %v", woken)
		}
		tell(ring, 1, 1)
		waiting.Wait()
		wait() // it is not read yet
		waiting.Wait()
		follower.Read()
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

// However many tell and follow at once, what a follower reads and what it is told that
// it lost is all there was.
func TestNothingIsLostOrDoubledUnsaid(t *testing.T) {
	const tellers, each, last = 4, 500, "the end"
	ring := event.NewRing(50)
	var following, telling sync.WaitGroup
	for range 3 {
		following.Go(func() {
			follower, sum, seen := ring.Follow(), 0, ""
			for seen != last {
				if err := follower.Wait(t.Context()); err != nil {
					t.Error(err)
					return
				}
				events, lost := follower.Read()
				sum += len(events) + lost
				seen = events[len(events)-1].Why
			}
			if sum != tellers*each+1 {
				t.Errorf("%d were read or lost, want %d", sum, tellers*each+1)
			}
		})
	}
	for range tellers {
		telling.Go(func() { tell(ring, 1, each) })
	}
	telling.Wait()
	ring.Tell(event.Event{Why: last})
	following.Wait()
}
