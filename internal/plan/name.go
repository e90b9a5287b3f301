package plan

import (
	"crypto/sha256"
	"encoding/hex"
)

// longestName is how many bytes the name of a file may have, and so that of a volume. A container's
// may have any number.
const longestName = 255

// fitting is a name for a file or a volume: the wanted one, or its beginning and what tells it from
// others that begin like that.
func fitting(name string) string {
	if len(name) <= longestName {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	end := "." + hex.EncodeToString(sum[:16])
	return name[:longestName-len(end)] + end
}
