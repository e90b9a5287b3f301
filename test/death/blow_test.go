package death

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// A way is how somebody is killed.
type way string

// The ways. Those from outside do not need the engine, which only sees what comes of them.
const (
	dockerKill    way = "docker kill"
	dockerTerm    way = "docker kill -s TERM"
	dockerFreeze  way = "docker kill -s STOP, docker kill"
	dockerRemove  way = "docker rm -f -v"
	dockerStop    way = "docker stop -t 2"
	outsideKill   way = "kill -KILL"
	outsideTerm   way = "kill -TERM"
	outsideFreeze way = "kill -STOP, kill -KILL"
)

// fells says whether nobody survives it.
func (w way) fells() bool { return w != dockerTerm && w != outsideTerm }

// asks says whether it begins with asking.
func (w way) asks() bool { return w == dockerTerm || w == outsideTerm || w == dockerStop }

// A phase of a pod's life.
type phase string

const (
	starting   phase = "start"
	running    phase = "life"
	restarting phase = "restart"
	stopping   phase = "stop"
)

// A blow is what somebody is to suffer.
type blow struct {
	victim string // supervisor, pause, engine or a component
	way
	delay time.Duration // after it was due
	frost time.Duration // between STOP and KILL
}

// engineName is the victim whose ways are signals to dockerd.
const engineName = "engine"

func (b blow) String() string { return fmt.Sprintf("%s %s", b.way, b.victim) }

// must says whether the blow ends the process of that name, sooner or later: what it asks
// to end may be a component that does not heed it.
func (b blow) must(name string) bool { return b.fells() || name == supervisorName }

// A deed is all that is done to one pod: one or two blows at the same time.
type deed struct {
	phase phase
	after int // so many events of the phase
	kills int // so many times the component that is to be restarted is killed before
	again string
	blows []blow
	away  time.Duration // how long there is no engine
}

// drawDeed makes what a pod has to suffer on an engine.
func drawDeed(dice *rand.Rand, s shape, mortal bool) (d deed) {
	var restartable []string
	for _, p := range s.parts {
		if !p.ends && p.restarts(1, 0) {
			restartable = append(restartable, p.name)
		}
	}
	phases := []phase{starting, running, running, stopping}
	if len(restartable) > 0 {
		phases = append(phases, restarting, restarting)
		d.again = restartable[dice.IntN(len(restartable))]
	}
	d.phase, d.after = phases[dice.IntN(len(phases))], dice.IntN(4)
	d.kills = 1 + dice.IntN(2)
	d.away = time.Duration(dice.IntN(1500)) * time.Millisecond
	if d.phase == starting || d.phase == stopping {
		d.after = dice.IntN(3 + 3*len(s.parts))
	}
	if mortal {
		d.blows = append(d.blows, blow{victim: engineName, way: []way{outsideKill, outsideKill, outsideTerm}[dice.IntN(3)]})
	}
	for range 1 + dice.IntN(5)/3 {
		b := drawBlow(dice, s, d.phase)
		if len(d.blows) == 2 || len(d.blows) == 1 && (d.blows[0].victim == b.victim || mortal && dice.IntN(2) == 0) {
			continue
		}
		if mortal { // the engine cannot be asked
			b.way = []way{outsideKill, outsideTerm, outsideFreeze}[dice.IntN(3)]
		}
		d.blows = append(d.blows, b)
	}
	return d
}

// drawBlow makes one against a pod.
func drawBlow(dice *rand.Rand, s shape, when phase) blow {
	b := blow{
		way: []way{
			dockerKill, dockerKill, outsideKill, outsideKill, dockerRemove, dockerTerm, outsideTerm, dockerStop, dockerFreeze, outsideFreeze,
		}[dice.IntN(10)],
		delay: time.Duration(dice.IntN(150)) * time.Millisecond,
		frost: time.Duration(dice.IntN(700)) * time.Millisecond,
	}
	var others []string
	for _, p := range s.parts {
		if when == starting || !p.init {
			others = append(others, p.name)
		}
	}
	switch n := dice.IntN(100); {
	case n < 35:
		b.victim = supervisorName
	case n < 60:
		b.victim = pauseName
	default:
		b.victim = others[dice.IntN(len(others))]
	}
	return b
}

func (d deed) String() string {
	said := fmt.Sprintf("in its %s, after %d events", d.phase, d.after)
	if d.phase == restarting {
		said += fmt.Sprintf(", when %s was killed %d times", d.again, d.kills)
	}
	for _, b := range d.blows {
		said += fmt.Sprintf(": %v (after %v)", b, b.delay)
	}
	return said
}
