package fake

import (
	"github.com/podlike/podlike/internal/engine"
)

// mountLocked mounts what a container asks for, and makes the volumes of those that
// are not there.
func (c *container) mountLocked() {
	mounted := map[string]bool{}
	for _, m := range c.Mounts {
		mounted[m.Target] = true
		at := engine.Mounted{Type: m.Type, Source: m.Source, Target: m.Target, ReadOnly: m.ReadOnly, Propagation: m.Propagation}
		if m.Type == engine.VolumeMount {
			at.Name = c.volumeLocked(m.Source, m.Labels)
			at.Source = volumeRoot + at.Name
		}
		c.disk.mounts = append(c.disk.mounts, at)
	}
	for _, target := range c.image.Volumes {
		if !mounted[target] {
			name := c.volumeLocked("", nil)
			c.disk.mounts = append(c.disk.mounts, engine.Mounted{Type: engine.VolumeMount, Name: name, Source: volumeRoot + name, Target: target})
		}
	}
}

// volumeLocked is the name of a volume that is there from now on; one without a name
// goes with the container.
func (c *container) volumeLocked(name string, labels map[string]string) string {
	if name == "" {
		name = c.on.made.next()
		c.anonymous = append(c.anonymous, name)
	}
	c.on.volumes.makeLocked(name, labels)
	return name
}
