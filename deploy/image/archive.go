package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
)

// epoch is when everything in an image was made: its files' own times would make another
// image of the same content.
var epoch = time.Unix(0, 0).UTC()

// A manifest lists an image in an archive (Docker's image specification, v1.2).
type manifest struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// An imageConfig is an image as its archive describes it.
type imageConfig struct {
	Created      time.Time        `json:"created"`
	Architecture string           `json:"architecture"`
	OS           string           `json:"os"`
	Config       container.Config `json:"config"`
	RootFS       rootFS           `json:"rootfs"`
}

// A rootFS names an image's layers by the digests of their tar archives.
type rootFS struct {
	Type    string   `json:"type"`
	DiffIDs []string `json:"diff_ids"`
}

// write writes the image as an archive: a layer for each file that is copied, so that
// a file that stays the same is not loaded again.
func (r recipe) write(o options, to io.Writer) error {
	config := imageConfig{Created: epoch, Architecture: o.arch, OS: "linux", Config: r.config, RootFS: rootFS{Type: "layers"}}
	var files []file
	for _, c := range r.copies {
		layer, err := layerOf(filepath.Join(o.context, c.from), c.to)
		if err != nil {
			return fmt.Errorf("cannot copy %s: %w", c.from, err)
		}
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, "sha256:"+digest(layer))
		files = append(files, file{digest(layer) + "/layer.tar", 0o644, layer})
	}
	described, err := json.Marshal(config)
	if err != nil {
		return fmt.Errorf("cannot describe the image: %w", err)
	}
	of := manifest{Config: digest(described) + ".json", RepoTags: []string{o.tag}}
	for _, f := range files {
		of.Layers = append(of.Layers, f.name)
	}
	listed, err := json.Marshal([]manifest{of})
	if err != nil {
		return fmt.Errorf("cannot describe the image: %w", err)
	}
	files = append(files, file{of.Config, 0o644, described}, file{"manifest.json", 0o644, listed})
	if err := pack(to, files...); err != nil {
		return fmt.Errorf("cannot write the image: %w", err)
	}
	return nil
}

// layerOf is a layer with one program in it.
func layerOf(from, to string) ([]byte, error) {
	content, err := os.ReadFile(from)
	if err != nil {
		return nil, err
	}
	var layer bytes.Buffer
	err = pack(&layer, file{strings.TrimPrefix(to, "/"), 0o755, content})
	return layer.Bytes(), err
}

// A file is one in an archive.
type file struct {
	name    string
	mode    int64
	content []byte
}

// pack writes files that all belong to root and have the same time.
func pack(to io.Writer, files ...file) error {
	w := tar.NewWriter(to)
	for _, f := range files {
		header := &tar.Header{Typeflag: tar.TypeReg, Name: f.name, Mode: f.mode, Size: int64(len(f.content)), ModTime: epoch}
		if err := w.WriteHeader(header); err != nil {
			return err
		}
		if _, err := w.Write(f.content); err != nil {
			return err
		}
	}
	return w.Close()
}

// digest is the SHA-256 of bytes in hexadecimal.
func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
