package supervise_test

import (
	"testing"
	"time"

	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/pod"
)

func TestWhatTheEngineWarnsOfIsToldWithTheComponentsName(t *testing.T) {
	hungry := of("web", "app")
	hungry.Resources.NoOOMKill = true
	play(t, []pod.Component{hungry, of("db", "checked")}, func(s *scene) {
		code, _ := s.runFor(time.Second)
		s.exits(code, 0)
		s.happened(`
engine warning: web (OOM killer is disabled, but no memory limit is set)
`, event.EngineWarning)
	})
}
