package pod

import (
	"cmp"
	"slices"
	"strings"
)

// An OwnVolume is a volume that is mounted into the supervisor itself.
type OwnVolume struct {
	Name   string // the engine's
	Labels map[string]string
}

// ResolveVolumes returns p with the engine's names in place of those by which users
// refer to the supervisor's own volumes, and p itself as it is. A name that is none
// of them stays: the engine makes a volume of that name.
//
// A volume is known, in this order, by its VolumeRef label, by its name without
// that of its stack, and by the name that Compose has for it.
func ResolveVolumes(p Pod, own []OwnVolume) Pod {
	own = slices.SortedFunc(slices.Values(own), func(a, b OwnVolume) int { return cmp.Compare(a.Name, b.Name) })
	return p.with(func(c *Component) { c.Volumes = resolve(c.Volumes, own) })
}

// resolve returns volumes with the engine's names.
func resolve(volumes []Volume, own []OwnVolume) []Volume {
	volumes = slices.Clone(volumes)
	for i, v := range volumes {
		if v.Kind == Named {
			volumes[i].Source = engineName(v.Source, own)
		}
	}
	return volumes
}

// engineName is the engine's name of the own volume that users call ref, or ref.
func engineName(ref string, own []OwnVolume) string {
	for _, known := range []func(OwnVolume) string{byLabel, byStack, byCompose} {
		for _, v := range own {
			if ref != "" && known(v) == ref {
				return v.Name
			}
		}
	}
	return ref
}

// byLabel is the name the user gave the volume for us.
func byLabel(v OwnVolume) string { return v.Labels[VolumeRef] }

// byStack is the volume's name within its stack.
func byStack(v OwnVolume) string {
	stack := v.Labels[StackNamespace]
	name, is := strings.CutPrefix(v.Name, stack+"_")
	if stack == "" || !is {
		return ""
	}
	return name
}

// byCompose is the volume's name within its Compose file.
func byCompose(v OwnVolume) string { return v.Labels[ComposeVolume] }
