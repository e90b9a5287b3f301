package compose

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/format"
	"github.com/compose-spec/compose-go/v2/types"

	"github.com/podlike/podlike/internal/pod"
)

// A volumeReader reads what is mounted into a component.
type volumeReader struct{ *report }

// long writes the short forms out as long ones. The loader takes d:/data for
// a path of Windows, skips modes that it does not know, and when two volumes have
// one target it keeps the last without a word; all three are caught here.
func (r volumeReader) long(list []any) []any {
	long := []any{}
	targets := map[string]bool{}
	for _, item := range list {
		if short, is := item.(string); is {
			written, ok := r.longVolume(short)
			if !ok {
				continue
			}
			item = written
		}
		if target := targetOf(item); target != "" && targets[target] {
			r.wrong("volumes", "two volumes have the target %s; keep one", Quote(target))
			continue
		} else {
			targets[target] = true
		}
		long = append(long, item)
	}
	return long
}

// targetOf is the target of a volume in its long form, empty if there is none.
func targetOf(long any) string {
	fields, _ := long.(map[string]any)
	target, _ := fields["target"].(string)
	if target == "" {
		return ""
	}
	return path.Clean(target)
}

// longVolume is the long form of TARGET, SOURCE:TARGET or SOURCE:TARGET:MODE.
func (r volumeReader) longVolume(short string) (long map[string]any, ok bool) {
	parts := strings.Split(short, ":")
	if len(parts) > 3 || slices.Contains(parts, "") {
		r.wrong("volumes", "%s must be TARGET, SOURCE:TARGET or SOURCE:TARGET:MODE", Quote(short))
		return nil, false
	}
	long = map[string]any{"type": types.VolumeTypeVolume}
	if len(parts) == 1 {
		long["target"] = parts[0]
		return long, true
	}
	long["source"], long["target"] = parts[0], parts[1]
	if isPath(parts[0]) {
		long["type"] = types.VolumeTypeBind
	}
	if len(parts) == 3 {
		return long, r.mode(long, short, parts[2])
	}
	return long, true
}

// mode adds what a short form's mode says to its long form.
func (r volumeReader) mode(long map[string]any, short, mode string) (ok bool) {
	bind, volume := map[string]any{}, map[string]any{}
	for option := range strings.SplitSeq(mode, ",") {
		switch {
		case option == "ro" || option == "rw":
			long["read_only"] = option == "ro"
		case option == "nocopy":
			volume["nocopy"] = true
		case option == "z" || option == "Z":
			bind["selinux"] = option
		case slices.Contains(format.Propagations, option):
			bind["propagation"] = option
		case option == "consistent" || option == "cached" || option == "delegated": // a Mac's; Docker ignores them too
		default:
			r.wrong("volumes", "%s has the unknown mode %s; use ro or rw", Quote(short), Quote(option))
			return false
		}
	}
	if len(bind) > 0 {
		long["bind"] = bind
	}
	if len(volume) > 0 {
		long["volume"] = volume
	}
	return true
}

// isPath tells a host path, whatever it is relative to, from a volume's name.
func isPath(source string) bool { return strings.ContainsAny(source, `/\~`) || source[0] == '.' }

// volumes are the component's.
func (r volumeReader) volumes(all []types.ServiceVolumeConfig) []pod.Volume {
	var volumes []pod.Volume
	for _, v := range all {
		before := len(r.problems)
		volume := r.volume(v)
		if len(r.problems) == before {
			volumes = append(volumes, volume)
		}
	}
	return volumes
}

// volume is one of the component's.
func (r volumeReader) volume(v types.ServiceVolumeConfig) pod.Volume {
	volume := pod.Volume{Source: v.Source, Target: path.Clean(v.Target), ReadOnly: v.ReadOnly}
	switch v.Type {
	case types.VolumeTypeBind:
		volume.Kind = pod.Bind
		r.checkHostPath(v.Source)
	case types.VolumeTypeTmpfs:
		volume.Kind = pod.Tmpfs
		r.checkNoSource(v)
	case types.VolumeTypeVolume:
		volume.Kind = pod.Named
		r.checkVolumeName(v.Source)
		if v.Source == "" {
			volume.Kind = pod.Anonymous
		}
	default:
		r.wrong("volumes", "type must be %s, not %s", forms["volumes.type"], Quote(v.Type))
	}
	r.options(&volume, v)
	return volume
}

// options fills in what the options of v say.
func (r volumeReader) options(volume *pod.Volume, v types.ServiceVolumeConfig) {
	if b := v.Bind; b != nil {
		volume.Propagation, volume.SELinux = b.Propagation, b.SELinux
		volume.Recursive, volume.MustExist = pod.Recursive(b.Recursive), !bool(b.CreateHostPath)
		if volume.Recursive == "enabled" {
			volume.Recursive = ""
		}
		if volume.SELinux != "" && (volume.Recursive != "" || volume.MustExist) {
			r.wrong("volumes.bind", "no engine has selinux together with recursive, or with create_host_path: false; leave one of them out")
		}
	}
	if o := v.Volume; o != nil {
		volume.NoCopy, volume.Subpath, volume.Labels = o.NoCopy, o.Subpath, o.Labels
	}
	if t := v.Tmpfs; t != nil {
		volume.Size, volume.Mode = int64(t.Size), t.Mode
	}
}

// tmpfs are the mount options of file systems in memory, by their targets.
func (r volumeReader) tmpfs(all []string) map[string]string {
	var tmpfs map[string]string
	for _, given := range all {
		target, options, _ := strings.Cut(given, ":")
		target = path.Clean(target)
		if _, twice := tmpfs[target]; twice {
			r.wrong("tmpfs", "two have the target %s; keep one", Quote(target))
		}
		if tmpfs == nil {
			tmpfs = map[string]string{}
		}
		tmpfs[target] = options
	}
	return tmpfs
}

// checkHostPath reports a bind's source that is no absolute path.
func (r volumeReader) checkHostPath(source string) {
	reason := "a label has no directory of its own"
	if r.lenient {
		reason = "the file is the supervisor's, and the path the engine's"
	}
	if !path.IsAbs(source) {
		r.wrong("volumes", "the host path %s must begin with /, for %s", Quote(source), reason)
	}
}

// checkNoSource reports a source where there is none.
func (r volumeReader) checkNoSource(v types.ServiceVolumeConfig) {
	if v.Source != "" {
		r.wrong("volumes", "a tmpfs has no source, but %s is given", Quote(v.Source))
	}
}

// engineName is what the engine takes as the name of a volume or a container.
var engineName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`)

// componentName is what Compose takes as the name of a service. What the engine calls the
// container begins with the supervisor's name.
var componentName = regexp.MustCompile(`^[a-zA-Z0-9._-]+$`)

// IsComponentName tells whether a component can be called that.
func IsComponentName(name string) bool { return componentName.MatchString(name) }

// checkVolumeName reports a name that no volume can have.
func (r volumeReader) checkVolumeName(source string) {
	switch {
	case source == "" || engineName.MatchString(source):
	case path.IsAbs(source):
		r.wrong("volumes", "%s is a host path; its type must be bind", Quote(source))
	default:
		r.wrong("volumes", "%s is no name of a volume, nor a host path, which begins with /", Quote(source))
	}
}
