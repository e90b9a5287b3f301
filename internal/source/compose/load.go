package compose

import (
	"context"
	"io"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/schema"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/sirupsen/logrus"
)

// compose-go warns of yes and no through logrus's one logger. Nothing that reads logs.
func init() { logrus.SetOutput(io.Discard) }

// Prepare does ahead of the first Read what takes most of its time, compiling the
// schema. It need not be called; a program that has something else to wait for may
// call it meanwhile. It may run beside Read.
func Prepare() { _ = schema.Validate(map[string]any{}) }

// The one service of the project that the loader gets to see.
const only = "it"

// load returns the definition as compose-go understands it, and leaves it as it was. The
// loader looks at some values before the schema has, and panics where one is none: then
// it is the schema that knows what is wrong.
func load(definition map[string]any) (service types.ServiceConfig, err error) {
	file := func() map[string]any {
		return map[string]any{"services": map[string]any{only: clone(definition)}}
	}
	defer func() {
		if trouble := recover(); trouble != nil {
			if err = schema.Validate(file()); err == nil {
				panic(trouble)
			}
		}
	}()
	project := types.ConfigDetails{ConfigFiles: []types.ConfigFile{{Config: file()}}, Environment: types.Mapping{}}
	model, err := loader.LoadModelWithContext(context.Background(), project, asItStands)
	if err != nil {
		return service, err
	}
	services, _ := model["services"].(map[string]any)
	return service, loader.Transform(services[only], &service)
}

// try tells what the loader says of a value of the key.
func try(key string, value any) error {
	_, err := load(map[string]any{key: value})
	return err
}

// asItStands tells the loader to read what is there and to look no further.
func asItStands(o *loader.Options) {
	o.SetProjectName("pod", true)
	o.SkipInterpolation = true
	o.SkipNormalization = true
	o.SkipExtends = true
	o.SkipInclude = true
	o.ResolvePaths = false
}

// clone copies the lists and mappings that v is made of, for the loader works on
// what it is given.
func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		c := make(map[string]any, len(v))
		for key, value := range v {
			c[key] = clone(value)
		}
		return c
	case []any:
		c := make([]any, len(v))
		for i, item := range v {
			c[i] = clone(item)
		}
		return c
	}
	return v
}
