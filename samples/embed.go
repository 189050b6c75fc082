// Package samples embeds what the built-in tour shows and what tests read: real
// layers of one small model as several quantizers wrote them, and one broken file
// for each thing that can be wrong. README.md says how each was made.
package samples

import "embed"

// FS holds the samples by the paths of README.md: "minilm-w4a16/config.json",
// "minilm-x.npy", "broken/nan-scale.safetensors".
//
//go:embed README.md minilm-bf16.safetensors minilm-x.npy minilm-x3d.npy
//go:embed minilm-w4a16 minilm-w4a4 minilm-mxfp4 modelopt-nvfp4 modelopt-w4a16 gpt-oss-mxfp4 unaligned-w4a16
//go:embed broken/*.safetensors broken/index-mismatch broken/config-mismatch
var FS embed.FS
