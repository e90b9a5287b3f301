package docker

import (
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/registry"
	"github.com/docker/docker/pkg/jsonmessage"

	"github.com/podlike/podlike/internal/engine"
)

// Pull implements engine.Engine.
func (d *Engine) Pull(ctx context.Context, ref, platform string, with engine.Credential, tell func(engine.Progress)) error {
	auth, err := authWord(with)
	if err != nil {
		return pullFail(ctx, err, ref)
	}
	said, err := d.api.ImagePull(ctx, ref, image.PullOptions{Platform: platform, RegistryAuth: auth})
	if err != nil {
		return pullFail(ctx, err, ref)
	}
	defer said.Close()
	return pullFail(ctx, follow(json.NewDecoder(said), tell), ref)
}

// authWord is a credential in the engine's form; none is empty. Engines that keep
// their images in containerd send it to the server it names and to no other.
func authWord(c engine.Credential) (string, error) {
	if c == (engine.Credential{}) {
		return "", nil
	}
	return registry.EncodeAuthConfig(registry.AuthConfig{
		ServerAddress: c.Server,
		Username:      c.Username, Password: c.Password,
		IdentityToken: c.IdentityToken, RegistryToken: c.RegistryToken,
	})
}

// follow reads what the engine says of a pull up to its end, adding up the layers.
func follow(said *json.Decoder, tell func(engine.Progress)) error {
	layers := map[string]*jsonmessage.JSONProgress{}
	for {
		var m jsonmessage.JSONMessage
		switch err := said.Decode(&m); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case m.Error != nil:
			return m.Error
		case m.Progress != nil && m.ID != "" && m.Progress.Total > 0:
			layers[m.ID] = m.Progress
		}
		tell(sum(m.Status, layers))
	}
}

func sum(status string, layers map[string]*jsonmessage.JSONProgress) engine.Progress {
	p := engine.Progress{Status: status}
	for _, layer := range layers {
		p.Done += layer.Current
		p.Total += layer.Total
	}
	return p
}
