package plan

import (
	"fmt"
	"path"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/pod"
)

// Memory is where pause has what the pod keeps in memory. It is a tmpfs, made with
// pause and gone with it, and what is in it is never on a disk. Files are put into it
// when pause runs, and the components mount each its own from there.
const Memory = "/memory"

// memorySlack is how many bytes more than what is handed on there are in memory, for
// what components write.
const memorySlack = 1 << 20

// NeedsMemory reports whether a component mounts something that is kept in memory.
func NeedsMemory(c pod.Component) bool {
	for _, file := range c.Copies {
		if file.Memory {
			return true
		}
	}
	return c.TerminationMessage != ""
}

// inMemory are the names of the components that need memory.
func inMemory(p pod.Pod) (names []string) {
	for _, c := range p.All() {
		if NeedsMemory(c) {
			names = append(names, c.Name)
		}
	}
	return names
}

// MemoryName is what a component's copy, by its place among them, is called in Memory.
func MemoryName(component string, copy int) string {
	return fitting(fmt.Sprintf("%s.%d", component, copy))
}

// MessageName is what the file for a component's last words is called in Memory.
func MessageName(component string) string { return fitting(component + ".message") }

// MessagePath is the path in pause of the file into which a component writes why it
// ends. It is there if the component has a TerminationMessage.
func MessagePath(component string) string { return path.Join(Memory, MessageName(component)) }

// PauseMemory is the mount by which pause holds the pod's memory, and none if no
// component needs it. Bytes are how much is to be handed on.
func PauseMemory(p pod.Pod, owner pod.Owner, bytes int64) []engine.Mount {
	if len(inMemory(p)) == 0 {
		return nil
	}
	return []engine.Mount{{
		Type: engine.VolumeMount, Target: Memory, NoCopy: true, Labels: owner.Labels(pod.RoleScratch),
		Options: map[string]string{"type": "tmpfs", "device": "tmpfs", "o": fmt.Sprintf("size=%d,mode=0700", bytes+memorySlack)},
	}}
}

// MemoryMounts are what a component mounts of the pod's memory, which the engine's
// machine has at source. Of several copies to one target the last counts.
func MemoryMounts(c pod.Component, source string) []engine.Mount {
	var all []engine.Mount
	at := map[string]int{}
	add := func(m engine.Mount) {
		m.Type, m.Source, m.MustExist = engine.BindMount, path.Join(source, m.Source), true
		i, twice := at[m.Target]
		if !twice {
			i = len(all)
			all, at[m.Target] = append(all, m), i
		}
		all[i] = m
	}
	for i, file := range c.Copies {
		if file.Memory {
			add(engine.Mount{Source: MemoryName(c.Name, i), Target: path.Clean(file.Target), ReadOnly: !file.Writable})
		}
	}
	if c.TerminationMessage != "" {
		add(engine.Mount{Source: MessageName(c.Name), Target: path.Clean(c.TerminationMessage)})
	}
	return all
}

// fill puts into memory what components mount from there; no step if none does.
func fill(needy []string) Plan {
	if len(needy) == 0 {
		return nil
	}
	return Plan{{Op: Fill, Name: Pause, Why: "in memory, for " + list(needy), After: []string{key(Start, Pause)}}}
}
