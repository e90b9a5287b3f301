package labels

import (
	"slices"
	"strings"
)

// IsOurs tells whether a label is one of ours, or was meant to be.
func IsOurs(key string) bool {
	key = strings.ToLower(key)
	return slices.ContainsFunc(spellings, func(s struct{ start, right string }) bool { return strings.HasPrefix(key, s.start) })
}
