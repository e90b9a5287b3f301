package enginetest

import (
	"github.com/podlike/podlike/internal/engine"
)

// volumes is the suite of engine.Volumes: which of them stay, and what is in them.
type volumes struct{ *suite }

// volumeLaws are its laws, by the names of their subtests.
var volumeLaws = map[string]func(volumes){
	"WhatIsInMemoryCanBeMountedFromThere": volumes.memory,
	"NamedVolumesStay":                    volumes.volumes,
}

func (s volumes) volumes() {
	c := s.kit("sleep")
	c.Mounts = []engine.Mount{{Type: engine.VolumeMount, Source: c.Name, Target: "/data", Labels: s.Labels}}
	id := s.create(c)
	if err := s.RemoveVolume(s.Context(), c.Name); err == nil {
		s.Error("a volume in use was removed")
	}
	s.must(s.Remove(s.Context(), id))
	left, err := s.Volumes(s.Context(), s.Labels)
	s.must(err)
	if len(left) != 1 || left[0].Name != c.Name {
		s.Errorf("left %v, want %s", left, c.Name)
	}
	s.must(s.RemoveVolume(s.Context(), c.Name))
	_, err = s.Volume(s.Context(), c.Name)
	s.is(err, engine.ErrNotFound, "Volume after RemoveVolume")
}

// memory is about a file in a tmpfs that one container holds and another mounts.
func (s volumes) memory() {
	holder := s.kit("sleep")
	holder.Mounts = []engine.Mount{{
		Type: engine.VolumeMount, Target: "/memory", Labels: s.Labels,
		Options: map[string]string{"type": "tmpfs", "device": "tmpfs", "o": "size=1m,mode=0700"},
	}}
	id, _ := s.begin(holder)
	seen, err := s.Inspect(s.Context(), string(id))
	s.must(err)
	if len(seen.Mounts) != 1 || seen.Mounts[0].Target != "/memory" || seen.Mounts[0].ReadOnly {
		s.Fatalf("mounts %+v, want one at /memory", seen.Mounts)
	}
	user := s.kit("cat", "/in/memory")
	user.Mounts = []engine.Mount{{Type: engine.BindMount, Source: seen.Mounts[0].Source + "/file", Target: "/in/memory", MustExist: true, ReadOnly: true}}
	if _, _, err := s.Create(s.Context(), user); err == nil {
		s.Error("created before what it mounts was there")
	}
	s.must(s.Put(s.Context(), id, "/memory", s.archive("file", "hi")))
	if out, _ := s.capture(user); out != "hi" {
		s.Errorf("it reads %q", out)
	}
	s.must(s.Remove(s.Context(), id))
	_, err = s.Volume(s.Context(), seen.Mounts[0].Name)
	s.is(err, engine.ErrNotFound, "the volume of who is gone")
}
