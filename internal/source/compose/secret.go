package compose

import (
	"math"
	"path"
	"strconv"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/podlike/podlike/internal/pod"
)

// handedDirs are where secrets and configs are, in the supervisor and in a component
// unless it says otherwise (Compose: secrets, configs).
var handedDirs = map[string]string{"secrets": pod.SecretsDir, "configs": "/"}

// configs are written as secrets are.
func configs(all []types.ServiceConfigObjConfig) []types.ServiceSecretConfig {
	var same []types.ServiceSecretConfig
	for _, c := range all {
		same = append(same, types.ServiceSecretConfig(c))
	}
	return same
}

// A secretReader reads which secrets and configs a component gets.
type secretReader struct{ *report }

// handedOn are the copies of the supervisor's secrets, or of its configs, that the
// component gets.
func (r secretReader) handedOn(key string, all []types.ServiceSecretConfig) []pod.Copy {
	var copies []pod.Copy
	for _, s := range all {
		if !engineName.MatchString(s.Source) {
			r.wrong(key, "the source must be the NAME of one that the supervisor has as %sNAME, not %s", handedDirs[key], Quote(s.Source))
			continue
		}
		copies = append(copies, pod.Copy{
			Source: handedDirs[key] + s.Source, Target: inside(handedDirs[key], s.Target, s.Source),
			UID: r.id(key+".uid", s.UID), GID: r.id(key+".gid", s.GID), Mode: r.fileMode(key+".mode", s.Mode),
			Memory: true, Place: join(r.place, key),
		})
	}
	return copies
}

// inside is the target, or the name where there is none, from the root.
func inside(dir, target, name string) string {
	switch {
	case target == "":
		return dir + name
	case path.IsAbs(target):
		return target
	}
	return path.Join(dir, target)
}

// id is the number of a user or a group, nil if there is none.
func (r secretReader) id(path, given string) *int {
	if given == "" {
		return nil
	}
	n, err := strconv.ParseUint(given, 10, 31)
	if err != nil {
		r.mustBe(path, form(path), given)
		return nil
	}
	id := int(n)
	return &id
}

// fileMode is a file's mode, nil if there is none.
func (r secretReader) fileMode(path string, given *types.FileMode) *uint32 {
	if given == nil {
		return nil
	}
	const most = 0o7777
	if *given < 0 || *given > most {
		r.mustBe(path, form(path), int64(min(*given, math.MaxInt32)))
		return nil
	}
	mode := uint32(*given)
	return &mode
}
