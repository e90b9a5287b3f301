package enginetest

import (
	"time"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/engine"
)

// machine is the suite of what containers may use and do use, and of what they run on.
type machine struct{ *suite }

// machineLaws are its laws, by the names of their subtests.
var machineLaws = map[string]func(machine){
	"TheMachinesControlGroupsAreTold":      machine.info,
	"AParentGroupIsSeen":                   machine.parent,
	"ALimitCanBeChanged":                   machine.limits,
	"WhatRunsUsesSomethingAndNothingElses": machine.usage,
}

func (s machine) info() {
	i, err := s.Info(s.Context())
	s.must(err)
	if i.CgroupVersion != 1 && i.CgroupVersion != 2 || i.CgroupDriver != engine.CgroupFS && i.CgroupDriver != engine.Systemd {
		s.Errorf("it is set up as %+v", i)
	}
}

func (s machine) parent() {
	c := s.kit("sleep")
	c.CgroupParent = "podlike-test.slice" // which any driver takes; nothing is made before the start
	seen, err := s.Inspect(s.Context(), string(s.create(c)))
	s.must(err)
	if seen.CgroupParent != c.CgroupParent {
		s.Errorf("its group is below %q", seen.CgroupParent)
	}
	seen, err = s.Inspect(s.Context(), string(s.create(s.kit("sleep"))))
	s.must(err)
	if seen.CgroupParent != "" {
		s.Errorf("one that nobody has asked for is below %q", seen.CgroupParent)
	}
}

func (s machine) limits() {
	const mib = 1 << 20
	c := s.kit("sleep")
	c.Resources = engine.Resources{Memory: 64 * mib, MemorySwap: 64 * mib, Pids: 50}
	for _, running := range []bool{false, true} {
		c.Name += "x"
		id := s.create(c)
		if running {
			s.must(s.Start(s.Context(), id))
		}
		s.must(s.Limit(s.Context(), id, engine.Limits{Memory: 32 * mib, MemorySwap: 48 * mib}))
		seen, err := s.Inspect(s.Context(), string(id))
		s.must(err)
		if l := seen.Limits; l.Memory != 32*mib || l.MemorySwap != 48*mib || l.Pids != 50 {
			s.Errorf("running %t: its limits are %+v", running, l)
		}
	}
	s.is(s.Limit(s.Context(), "podlike-test-none", engine.Limits{Pids: 9}), engine.ErrNotFound, "Limit of nothing")
}

func (s machine) usage() {
	id := s.create(s.kit("sleep"))
	u, err := s.Usage(s.Context(), id)
	s.must(err)
	if u != (engine.Usage{}) {
		s.Errorf("before its start it uses %+v", u)
	}
	s.must(s.Start(s.Context(), id))
	dockertest.Eventually(s, patience, func() (bool, string) {
		u, err := s.Usage(s.Context(), id)
		s.must(err)
		return u.Memory > 0 && u.CPU > 0 && u.CPU < time.Minute && u.Pids > 0, "it uses " + sprint(u)
	})
	_, err = s.Usage(s.Context(), "podlike-test-none")
	s.is(err, engine.ErrNotFound, "Usage of nothing")
}
