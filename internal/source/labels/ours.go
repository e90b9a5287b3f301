package labels

import (
	"slices"
	"strings"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source/compose"
)

// single are those of our labels of which there is one, and named those that begin like
// that and end with a component's name.
var (
	single = []string{pod.ComposeFile, pod.Project, pod.InitComponents, pod.StopGracePeriod, pod.RestartBackoff, pod.UnreadyMeans, pod.OOMGroup, pod.MakeKnown}
	named  = []string{pod.ComponentPrefix, pod.CopyPrefix}
)

// IsOurs tells whether a label is one of ours, or was meant to be.
func IsOurs(key string) bool { return isKnown(key) || meant(key) != "" }

// IsForeign tells whether a label looks like one of ours and is none. It may be somebody
// else's.
func IsForeign(key string) bool {
	return strings.HasPrefix(strings.ToLower(key), "pod.") && !IsOurs(key)
}

// Foreign is what is said of such a label.
const Foreign = "is none of Podlike's labels and does nothing; README lists them"

// isKnown tells whether a label is one of ours.
func isKnown(key string) bool {
	return slices.Contains(single, key) || slices.ContainsFunc(named, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
}

// beginnings are how labels begin that were meant to be ours, however they go on.
var beginnings = []struct{ start, right string }{
	{"pod.component", pod.ComponentPrefix + "<name>"},
	{"pod.copy", pod.CopyPrefix + "<name>"},
	{"pod.copies", pod.CopyPrefix + "<name>"},
	{"pod.compose", pod.ComposeFile},
	{"pod.init.", pod.InitComponents},
	{"pod.stop", pod.StopGracePeriod},
	{"pod.restart", pod.RestartBackoff},
	{"pod.unready", pod.UnreadyMeans},
	{"pod.oom", pod.OOMGroup},
}

// mostEdits is how far the parts of a label may be from ours, all together.
const mostEdits = 2

// meant is the label of ours that another one was probably meant to be, nothing if it
// does not look like one: it is one with other separators, or a slip of the fingers away.
func meant(key string) string {
	key = strings.ToLower(key)
	for _, b := range beginnings {
		if strings.HasPrefix(key, b.start) {
			return b.right
		}
	}
	best, least := "", mostEdits+1
	for _, right := range single {
		if edits := min(editsOf(key, right), 1+compose.Edits(joined(key), joined(right))); edits < least {
			best, least = right, edits
		}
	}
	for _, prefix := range named {
		if edits := editsToName(key, strings.TrimSuffix(prefix, ".")); edits < least {
			best, least = prefix+"<name>", edits
		}
	}
	return best
}

// editsToName is how many edits a label is from one that begins like right and goes on with
// a name. Other separators than the dots are one.
func editsToName(key, right string) int {
	if parts := strings.SplitN(key, ".", 3); len(parts) == 3 && parts[2] != "" {
		return editsOf(parts[0]+"."+parts[1], right)
	}
	parts := strings.FieldsFunc(key, isSeparator)
	for n := range parts {
		if strings.Join(parts[:n], "") == joined(right) {
			return 1
		}
	}
	return mostEdits + 1
}

// editsOf is how many edits the parts of a label are from those of another, and too many
// where it has more or fewer parts.
func editsOf(key, right string) int {
	parts, rights := strings.Split(key, "."), strings.Split(right, ".")
	if len(parts) != len(rights) {
		return mostEdits + 1
	}
	edits := 0
	for i := range parts {
		edits += compose.Edits(parts[i], rights[i])
	}
	return edits
}

// isSeparator tells whether some write the character between the parts of a label.
func isSeparator(r rune) bool { return strings.ContainsRune(".-_/:", r) }

// joined is a label without what separates its parts.
func joined(key string) string { return strings.Join(strings.FieldsFunc(key, isSeparator), "") }
