package maker

import (
	"sync/atomic"
	"time"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/runner"
)

// Positions are where it is noted, for a successor, how far the output of a pair's containers was
// passed on.
type Positions interface {
	// Place is that of a container.
	Place(id engine.ID) Place
	// Keep gives up those of all others.
	Keep(ids []engine.ID)
}

// A Place is where it is noted of one container.
type Place interface {
	runner.Ledger
	Passed(stream int) int64
	At() time.Time
	Anchor() (at time.Time, before [2]int64)
}

// position is how far a container's output was passed on. Where nothing is noted it is from now on.
func (m Maker) position(id engine.ID) (p runner.Position) {
	if m.Positions == nil {
		return runner.Position{At: time.Now()}
	}
	place := m.Positions.Place(id)
	p.Passed, p.At = [2]int64{place.Passed(0), place.Passed(1)}, place.At()
	p.Anchor, p.Before = place.Anchor()
	return p
}

// KeepPositions gives up what is noted of other containers than these.
func (m Maker) KeepPositions(ids []engine.ID) {
	if m.Positions != nil {
		m.Positions.Keep(ids)
	}
}

// A latePlace is one that is not known before there is a container, of which nothing is noted
// before.
type latePlace struct{ known atomic.Pointer[Place] }

func (l *latePlace) is(p Place) { l.known.Store(&p) }

// SetPassed implements runner.Ledger.
func (l *latePlace) SetPassed(stream int, n int64, at time.Time) {
	if p := l.known.Load(); p != nil {
		(*p).SetPassed(stream, n, at)
	}
}

// SetAnchor implements runner.Ledger.
func (l *latePlace) SetAnchor(at time.Time, before [2]int64) {
	if p := l.known.Load(); p != nil {
		(*p).SetAnchor(at, before)
	}
}
