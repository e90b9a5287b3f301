package pod

import (
	"cmp"
	"path"
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
			volumes[i] = v.resolved(own)
		}
	}
	return volumes
}

// resolved is a named volume with the engine's name. One of the supervisor's own is there,
// however it was made.
func (v Volume) resolved(own []OwnVolume) Volume {
	name, known := engineName(v.Source, own)
	if known {
		v.Driver, v.Options, v.External = "", nil, false
	}
	if v.Source = name; !known {
		v.Source = cmp.Or(v.InProject, name)
	}
	v.InProject = ""
	return v
}

// ShareVolumes returns p with each of the supervisor's own volumes and host paths
// mounted into every component that mounts nothing at the same target, and p itself as
// it is. What would hand on one of the supervisor's sockets is left out.
func ShareVolumes(p Pod, own []Volume, sockets ...string) Pod {
	own = slices.DeleteFunc(slices.Clone(own), func(v Volume) bool {
		return v.Kind != Bind && v.Kind != Named || holds(v.Target, sockets) || v.Kind == Bind && holds(v.Source, outside(own, sockets))
	})
	return p.with(func(c *Component) { c.Volumes = share(*c, own) })
}

// outside are the sockets as the supervisor knows them and, where they are mounted into
// it, also by their paths on the engine's machine.
func outside(own []Volume, sockets []string) []string {
	all := slices.Clone(sockets)
	for _, v := range own {
		for _, socket := range sockets {
			if v.Kind == Bind && holds(v.Target, []string{socket}) {
				all = append(all, path.Join(v.Source, strings.TrimPrefix(socket, path.Clean(v.Target))))
			}
		}
	}
	return all
}

// holds tells whether one of the files is at a path or below it.
func holds(name string, files []string) bool {
	dir := strings.TrimSuffix(path.Clean(name), "/") + "/"
	return slices.ContainsFunc(files, func(file string) bool { return strings.HasPrefix(file+"/", dir) })
}

// share are a component's volumes and those that it does not hide by one of its own.
func share(c Component, own []Volume) []Volume {
	all := slices.Clone(c.Volumes)
	taken := map[string]bool{}
	for _, v := range c.mounted() {
		taken[path.Clean(v.Target)] = true
	}
	for _, v := range own {
		if !taken[path.Clean(v.Target)] {
			all = append(all, v)
		}
	}
	return all
}

// engineName is the engine's name of the own volume that users call ref, or ref if it is
// not known as one.
func engineName(ref string, own []OwnVolume) (name string, known bool) {
	for _, nameOf := range []func(OwnVolume) string{byLabel, byStack, byCompose} {
		for _, v := range own {
			if ref != "" && nameOf(v) == ref {
				return v.Name, true
			}
		}
	}
	return ref, false
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
