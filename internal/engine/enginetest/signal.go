package enginetest

import (
	"time"

	"github.com/podlike/podlike/internal/engine"
)

func (s containers) signalledTwice() {
	id := s.create(s.kit("sleep"))
	s.must(s.Signal(s.Context(), id, "SIGTERM"))
	if _, err := s.Inspect(s.Context(), string(id)); err != nil {
		s.Errorf("a signal before the start took it away: %v", err)
	}
	end, err := s.Wait(s.Context(), id)
	s.must(err)
	s.must(s.Start(s.Context(), id))
	s.must(s.Signal(s.Context(), id, "SIGKILL"))
	s.must(s.Signal(s.Context(), id, "SIGKILL"))
	s.ends(end, 137)
	s.must(s.Signal(s.Context(), id, "SIGTERM"))
	s.must(s.Remove(s.Context(), id))
	s.must(s.Signal(s.Context(), id, "SIGTERM"))
}

func (s containers) signal() {
	id, end := s.listening()
	s.must(s.Signal(s.Context(), id, "SIGTERM"))
	s.ends(end, 0)

	id, _ = s.listening()
	if err := s.Signal(s.Context(), id, "SIGNONE"); err == nil {
		s.Error("sent a signal that there is not")
	}
}

func (s containers) killed() {
	signs := s.follow()
	id, end := s.begin(s.checked("ignore", "health", "/healthy"))
	s.told(signs, health(id, engine.Healthy)) // it ignores signals from now on
	s.must(s.Signal(s.Context(), id, "SIGTERM"))
	select {
	case x := <-end:
		s.Fatalf("ended with %v by what it ignores", x)
	case <-time.After(300 * time.Millisecond):
	}
	s.must(s.Signal(s.Context(), id, "SIGKILL"))
	s.ends(end, 137)
}
