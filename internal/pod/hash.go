package pod

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Hash returns a short hash of the component's definition, 16 hex digits. It is the
// same for equal components, whoever asks and whenever, and differs for others. It
// may change when the model does.
func Hash(c Component) string {
	definition, err := json.Marshal(c) // which sorts the keys of mappings
	if err != nil {
		panic("cannot hash a component: " + err.Error()) // it is all plain values
	}
	sum := sha256.Sum256(definition)
	return hex.EncodeToString(sum[:8])
}
