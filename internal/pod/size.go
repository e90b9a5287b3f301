package pod

import (
	"errors"

	"github.com/docker/go-units"
)

// Size is a number of bytes as users write it, such as 64m.
func Size(n int64) string {
	for _, unit := range []struct {
		bytes  int64
		letter string
	}{{1 << 30, "g"}, {1 << 20, "m"}, {1 << 10, "k"}} {
		if n > 0 && n%unit.bytes == 0 {
			return whole(n/unit.bytes) + unit.letter
		}
	}
	return whole(n)
}

// ParseSize reads a number of bytes as users write it, such as 64m.
func ParseSize(text string) (int64, error) {
	n, err := units.RAMInBytes(text)
	if err != nil || n < 0 {
		return 0, errors.New("must be a number of bytes such as 64m")
	}
	return n, nil
}
