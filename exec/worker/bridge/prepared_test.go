package bridge

import (
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fp4tui/exec/gemm"
	"fp4tui/exec/worker"
	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/kernel"
	"fp4tui/inspect/layer"
)

// standIn starts the script beside a torch and a flashinfer that only hand bytes on.
func standIn(t *testing.T) *worker.Client {
	t.Helper()
	interpreter, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3")
	}
	modules, err := filepath.Abs("testdata/standin")
	if err != nil {
		t.Fatal(err)
	}
	c := &worker.Client{Label: "the Python bridge", Command: func() *exec.Cmd {
		cmd := Command(interpreter)()
		cmd.Env = append(os.Environ(), "PYTHONPATH="+modules, "PYTHONDONTWRITEBYTECODE=1")
		return cmd
	}}
	t.Cleanup(c.Close)
	return c
}

// trtllm is a product through a weight that is prepared for the trtllm kernel.
func trtllm(t *testing.T) (layer.Forward, *kernel.Prepared) {
	t.Helper()
	const m, n, k = 2, 128, 128
	values := make([]float32, n*k)
	for i := range values {
		values[i] = fp4.RoundBF16(float32(math.Sin(float64(i * i % 977))))
	}
	b, err := fp4.Quantize(values, n, k, fp4.QuantOptions{Recipe: "compressed-tensors", Format: fp4.NVFP4, InputBF16: true})
	if err != nil {
		t.Fatal(err)
	}
	w := &layer.Weights{Blocks: []fp4.Blocks{b}}
	row, err := kernel.Lookup("trtllm")
	if err != nil {
		t.Fatal(err)
	}
	p, err := kernel.Prepare(t.Context(), w, row, kernel.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return layer.Forward{X: inspect.Tensor{DType: inspect.BF16, Shape: []int{m, k}, Data: values[:m*k]}, Weights: w, Mode: layer.W4A4, Act: layer.ActDynamic,
		Out: inspect.BF16, Buffers: &layer.Buffers{For: "trtllm", Codes: p.Codes, Scales: p.Scales}}, p
}

// rows are the bytes that the stand-in's kernel was given.
func rows(t *testing.T, y inspect.Tensor) (codes, scales []byte) {
	t.Helper()
	n := y.Shape[1]
	for i, v := range y.Data {
		word := math.Float32bits(v) >> 16
		if word>>8 != 0x3f {
			t.Fatalf("y[%d] is no byte: %x", i, word)
		}
		if i < n {
			codes = append(codes, byte(word))
		} else {
			scales = append(scales, byte(word))
		}
	}
	return codes, scales
}

// TestPreparedBuffers: the engine's kernel reads the very bytes of a prepared weight, and the result
// says where its engine's preparation makes others; without them it reads what the engine made.
func TestPreparedBuffers(t *testing.T) {
	d := gemm.Device{Label: "flashinfer:trtllm", Runner: worker.Offer{Client: standIn(t), Kernel: "flashinfer:trtllm"}, Buffers: []string{"trtllm"}}
	f, p := trtllm(t)
	n := p.PadN
	out, err := d.Forward(t.Context(), f, nil)
	if err != nil {
		t.Fatal(err)
	}
	if codes, scales := rows(t, out.Y); !slices.Equal(codes, p.Codes[:n]) || !slices.Equal(scales, p.Scales[:n]) {
		t.Errorf("codes % x…, want % x…\nscales % x…, want % x…", codes[:8], p.Codes[:8], scales[:8], p.Scales[:8])
	}
	for _, want := range []string{"codes prepared for trtllm: ", " of 8,192 bytes are others than the engine's own preparation makes, the first at ", "scales prepared for trtllm: ", " of 1,024 bytes"} {
		if notes := strings.Join(out.Notes, "\n"); !strings.Contains(notes, want) {
			t.Errorf("the notes lack %q:\n%s", want, notes)
		}
	}

	f.Buffers = nil
	if out, err = d.Forward(t.Context(), f, nil); err != nil {
		t.Fatal(err)
	}
	b := f.Weights.Blocks[0]
	want := slices.Clone(b.Codes[:n])
	want[0] ^= 0xff
	if codes, _ := rows(t, out.Y); !slices.Equal(codes, want) || strings.Contains(strings.Join(out.Notes, "\n"), "prepared for") {
		t.Errorf("codes % x…, want % x…; notes %q", codes[:8], want[:8], out.Notes)
	}

	// What the engine makes to the byte is said so.
	same := slices.Clone(b.Codes)
	same[0] ^= 0xff
	f.Buffers = &layer.Buffers{Codes: same, Scales: p.Scales}
	if out, err = d.Forward(t.Context(), f, nil); err != nil || !slices.Contains(out.Notes, "codes put together by hand: 0 of 8,192 bytes are others than the engine's own preparation makes") {
		t.Error(err, out.Notes)
	}

	// A buffer of another size is no weight of this kernel.
	f.Buffers = &layer.Buffers{For: "trtllm", Codes: p.Codes[:64], Scales: p.Scales}
	var fault *inspect.Fault
	if _, err = d.Forward(t.Context(), f, nil); !errors.As(err, &fault) || !errors.Is(err, inspect.ErrMismatch) || !strings.Contains(fault.What, "codes prepared for trtllm are 64 bytes") || fault.Cure == "" {
		t.Error(err)
	}

	// One for another kernel is read back, which is said; a device that knows no buffers reads the weight.
	f.Buffers = &layer.Buffers{For: "marlin", Codes: p.Codes, Scales: p.Scales}
	if out, err = d.Forward(t.Context(), f, nil); err != nil || strings.Join(out.Notes, "\n") != "the weight is prepared for marlin, which flashinfer:trtllm does not read: it was read back, and its engine prepared it" {
		t.Error(err, out.Notes)
	}
	d.Buffers = nil
	if out, err = d.Forward(t.Context(), f, nil); err != nil || len(out.Notes) > 0 {
		t.Error(err, out.Notes)
	}
}

// given gives bytes in the place of tensors of types that engines use, by the torch that is there.
const given = `
import sys, torch
bridge = {"__name__": "bridge"}
exec(sys.stdin.read(), bridge)
device = "cuda" if torch.cuda.is_available() else "cpu"
job = bridge["Job"].__new__(bridge["Job"])
job.torch, job.device, job.n, job.k, job.came, job.notes = torch, device, 4, 8, "prepared for marlin", []
for made in torch.arange(32, dtype=torch.int32).reshape(4, 8), torch.arange(32).reshape(4, 8).to(torch.float8_e4m3fn), torch.arange(32, dtype=torch.uint8).reshape(2, 16):
    made = made.to(device)
    data = bytearray(made.contiguous().view(torch.uint8).cpu().numpy().tobytes())
    data[5] ^= 1
    job.buffers = {"codes": bytes(data)}
    y = job.given("codes", made)
    assert y.dtype == made.dtype and y.shape == made.shape and y.device == made.device, y
    assert bytearray(y.view(torch.uint8).cpu().numpy().tobytes()) == data
    assert job.given("scales", made) is made
assert job.notes == ["codes prepared for marlin: 1 of %d bytes are others than the engine's own preparation makes, the first at 5" % n for n in (128, 32, 32)], job.notes
for bad in made[:1], made.T:
    try:
        job.given("codes", bad)
        sys.exit("taken")
    except bridge["Refusal"] as r:
        print(r.fault["what"])
`

// TestGivenByTorch needs a Python with torch.
func TestGivenByTorch(t *testing.T) {
	path := os.Getenv(python)
	if path == "" {
		t.Skip("no Python with torch: name one in " + python)
	}
	cmd := exec.Command(path, "-c", given)
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "the codes prepared for marlin are 32 bytes\nthis engine's kernel reads its codes with strides\n" {
		t.Errorf("%v: %s", err, out)
	}
}
