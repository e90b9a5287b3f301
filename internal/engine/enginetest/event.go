package enginetest

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/engine"
)

// events is the suite of engine.Events: what is told while it happens, and afterwards.
type events struct{ *suite }

// eventLaws are its laws, by the names of their subtests.
var eventLaws = map[string]func(events){
	"ThePastTellsAnEndAndWhoAskedForIt":      events.past,
	"ThePastIsOfLabelsAndSinceATime":         events.pastOf,
	"WatchTellsAllAndThenEachChange":         events.watch,
	"WatchTellsOfLackOfMemoryBeforeTheDeath": events.starve,
}

func (s events) watch() {
	well, _ := s.begin(s.checked("sleep", "health", "/healthy"))
	s.told(s.follow(), health(well, engine.Healthy))
	early := s.follow()
	s.told(early, health(well, engine.Healthy)) // as it was before
	ill, _ := s.begin(s.checked("sleep"))
	s.told(early, health(ill, engine.Unhealthy)) // as it is now
	s.must(s.Signal(s.Context(), well, "SIGTERM"))
	s.told(early, signalled(well, 15))
	s.told(early, died(well, 0))
	s.must(s.Remove(s.Context(), ill))
	s.told(early, signalled(ill, 9))
	s.told(early, died(ill, 137))
}

func (s events) starve() {
	tales := s.follow()
	watched, _ := s.begin(s.checked("sleep"))
	s.told(tales, health(watched, engine.Unhealthy)) // it is watched from now on
	for range 5 {                                    // an engine under load may learn of it too late
		c := s.kit("eat", strconv.Itoa(64<<20))
		c.Resources.Memory, c.Resources.MemorySwap = 16<<20, 16<<20
		id, end := s.begin(c)
		before := s.told(tales, died(id, 137))
		s.ends(end, 137)
		if slices.Contains(before, engine.Sign{Container: id, Kind: engine.SignOOM}) {
			return
		}
	}
	s.Error("was told of no lack of memory")
}

func (s events) past() {
	before := time.Now().Add(-time.Second) // the engine's clock may be another
	id, end := s.listening()
	s.must(s.Signal(s.Context(), id, "SIGTERM"))
	s.ends(end, 0)
	failed, end := s.begin(s.kit("exit", "7"))
	s.ends(end, 7)
	s.vanishes(string(id))
	s.vanishes(string(failed))
	want := []engine.Sign{signalled(id, 15), died(id, 0), died(failed, 7)}
	dockertest.Eventually(s, patience, func() (bool, string) {
		got := s.signs(s.Labels, before)
		return slices.Equal(got, want), sprint(got)
	})
}

// signs are those of the past, without their times, which have to be in order.
func (s events) signs(labels map[string]string, since time.Time) []engine.Sign {
	s.Helper()
	all, err := s.Past(s.Context(), labels, since)
	s.must(err)
	for i, sign := range all {
		if sign.At.Before(since) || i > 0 && sign.At.Before(all[i-1].At) {
			s.Errorf("not in order since %v: %v", since, all)
		}
	}
	for i := range all {
		all[i].At = time.Time{}
	}
	return all
}

func (s events) pastOf() {
	c := s.kit("exit", "1")
	c.Labels = map[string]string{"podlike.test.case": c.Name}
	for key, value := range s.Labels {
		c.Labels[key] = value
	}
	mine, end := s.begin(c)
	s.ends(end, 1)
	other, end := s.begin(s.kit("exit", "2"))
	s.ends(end, 2)
	s.vanishes(string(other))
	all, err := s.Past(s.Context(), s.Labels, time.Time{})
	s.must(err)
	if len(all) != 2 {
		s.Fatalf("the past is %v", all)
	}
	if got, want := s.signs(map[string]string{"podlike.test.case": c.Name}, time.Time{}), []engine.Sign{died(mine, 1)}; !slices.Equal(got, want) {
		s.Errorf("of one label: %v, want %v", got, want)
	}
	if got, want := s.signs(s.Labels, all[1].At), []engine.Sign{died(other, 2)}; !slices.Equal(got, want) {
		s.Errorf("since the last one's time: %v, want %v", got, want)
	}
	if got := s.signs(s.Labels, all[1].At.Add(time.Nanosecond)); len(got) != 0 {
		s.Errorf("since a moment after the last one: %v", got)
	}
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	_, err = s.Past(ctx, s.Labels, time.Time{})
	s.is(err, context.Canceled, "Past")
}
