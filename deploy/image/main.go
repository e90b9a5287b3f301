// Image puts an image of static binaries together, from a Dockerfile, and prints it for
// docker load. It runs no builder, needs no network, and makes the same image of the same
// files, to the last byte.
//
// It exists for the image's health check. One check costs some 40 ms of CPU, nearly all
// of it the engine's, and there are as many of them as there are pods. From engine 25
// (API 1.44) on an image may have two intervals, a start interval and one for later; but
// the builder of 20.10 refuses a Dockerfile with --start-interval. So the Dockerfile has
// what every engine and builder knows, and this program adds the rest:
//
//   - The start interval is a second: a pod of a few containers is up within two. Engines
//     that do not know it do not mind it.
//   - The interval is 15 s where the engine knows the start interval, as it only has to
//     find out about what goes wrong later. That is 0.16 s of CPU per pod and minute.
//   - Older engines have but one interval. With 5 s, which is the start interval that newer
//     engines have by themselves, the first check finds most pods up, and costs 0.5 s of
//     CPU per pod and minute; 2 s would cost 1.2 s and make a pod healthy 3 s earlier.
//   - Two failures in a row make a pod unhealthy: what the supervisor says is what
//     components' own checks say, which have retries of their own. The second is for
//     a machine that is too busy to answer once.
//   - Failures do not count in the start period of 10 minutes: a pod that pulls images or
//     fills a database must not be replaced for that, and one that cannot start ends by
//     itself. It is what Kubernetes gives a Deployment to progress. It costs nothing when
//     a pod is up earlier, for the first success ends it.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	// startInterval is how often a pod that starts is checked, where the engine can.
	startInterval = time.Second
	// laterInterval is how often a pod that has started is checked by such an engine.
	laterInterval = 15 * time.Second
	// startIntervalMinor is the first minor version of API 1 that knows the start interval.
	startIntervalMinor = 44
)

func main() {
	var o options
	flag.StringVar(&o.dockerfile, "f", "Dockerfile", "`Dockerfile` to follow")
	flag.StringVar(&o.tag, "t", "", "`name:tag` of the image")
	flag.StringVar(&o.arch, "arch", "amd64", "`architecture` of the binaries")
	flag.StringVar(&o.api, "api", "1.41", "`version` of the API of the engine that runs the image")
	flag.Parse()
	if flag.NArg() != 1 || o.tag == "" {
		fmt.Fprintln(os.Stderr, "usage: image -f DOCKERFILE -t NAME:TAG [-arch ARCH] [-api VERSION] CONTEXT | docker load")
		os.Exit(2)
	}
	o.context = flag.Arg(0)
	if err := run(o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

// options are what the command line says.
type options struct {
	dockerfile, context, tag, arch, api string
}

// run reads the Dockerfile and the files that it copies, and writes the image.
func run(o options, to io.Writer) error {
	text, err := os.ReadFile(o.dockerfile)
	if err != nil {
		return fmt.Errorf("cannot read the Dockerfile: %w", err)
	}
	r, err := parse(string(text))
	if err != nil {
		return fmt.Errorf("cannot follow %s: %w", o.dockerfile, err)
	}
	knows, err := knowsStartInterval(o.api)
	if err != nil {
		return err
	}
	if health := r.config.Healthcheck; health != nil {
		health.StartInterval = startInterval
		if knows {
			health.Interval = laterInterval
		}
	}
	return r.write(o, to)
}

// knowsStartInterval tells it of an engine by its API's version, such as 1.41.
func knowsStartInterval(api string) (bool, error) {
	major, minor, _ := strings.Cut(api, ".")
	n, err := strconv.Atoi(minor)
	if major != "1" || err != nil {
		return false, fmt.Errorf("cannot use an engine with API %q: the version must be one such as 1.41", api)
	}
	return n >= startIntervalMinor, nil
}
