//go:build cuda && cgo && linux

package cuda

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/cu"

	"fp4tui/inspect"
)

// fakeBlas compiles a stand-in for cuBLASLt: testdata/blas.c, or another source. Calls since
// then are lines of log.
func fakeBlas(t *testing.T, source string) (library, log string) {
	t.Helper()
	compiler, err := exec.LookPath("cc")
	if err != nil {
		if os.Getenv("FP4TUI_REQUIRE_CUDA") == "1" {
			t.Fatal("no C compiler for a cuBLASLt that answers on demand: ", err)
		}
		t.Skip("no C compiler for a cuBLASLt that answers on demand: ", err)
	}
	library, log = filepath.Join(t.TempDir(), "libcublasLt.so.13"), filepath.Join(t.TempDir(), "log")
	if out, err := exec.Command(compiler, "-shared", "-fPIC", "-o", library, filepath.Join("testdata", source)).CombinedOutput(); err != nil {
		t.Fatalf("cc: %v\n%s", err, out)
	}
	t.Setenv("FAKE_LOG", log)
	return library, log
}

func logged(t *testing.T, log string) []string {
	t.Helper()
	b, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}

// TestBlasCalls holds what cuBLASLt is asked for to its documentation: both kinds of operands take
// the same calls, and differ in a type and a scale mode.
func TestBlasCalls(t *testing.T) {
	for _, test := range []struct {
		kind           *blasKind
		datatype, mode string
	}{{&blasNVFP4, "33", "1"}, {&blasE4M3, "28", "0"}} {
		t.Run(test.kind.name, func(t *testing.T) {
			library, log := fakeBlas(t, "blas.c")
			lt, err := openBlas(filepath.Join(t.TempDir(), "missing.so"), library)
			if err != nil {
				t.Fatal(err)
			}
			plan, err := lt.plan(test.kind, 32, 160, 384, 0xa5ca1e, 0xb5ca1e)
			if err != nil {
				t.Fatal(err)
			}
			if err := plan.start(0xaaaa00, 0xbbbb00, 0xb5ca1f, 0xdddd00, 0x333300); err != nil {
				t.Fatal(err)
			}
			note := plan.note()
			plan.close()
			plan.close() // once more is nothing
			lt.close()
			replace := strings.NewReplacer("TYPE", test.datatype, "MODE", test.mode)
			want := strings.Split(replace.Replace(strings.TrimSpace(blasCalls)), "\n")
			got := logged(t, log)
			for i := range max(len(got), len(want)) {
				switch {
				case i >= len(got):
					t.Errorf("no call %d: must be\n%s", i, want[i])
				case i >= len(want):
					t.Errorf("a call more:\n%s", got[i])
				case strings.TrimSpace(got[i]) != strings.TrimSpace(want[i]):
					t.Errorf("call %d is\n%s\nmust be\n%s", i, got[i], want[i])
				}
			}
			if plan.workspace() != 4096 || note != "cuBLASLt 13.1.0 for m 32, n 160, k 384: algorithm 66, tile 32x576 (76)"+
				", stages number 126, split-K 86, reduction number 96, cluster number 146, swizzle 106, inner shape number 136, option 116, workspace 4096 bytes" {
				t.Errorf("%d bytes, %q", plan.workspace(), note)
			}
		})
	}
}

// blasCalls is one product of 32 rows of x by 160 of w, K 384. Numbers are CUBLAS_COMPUTE_32F
// 68, CUDA_R_32F 0; attributes TRANSA 3 (T is 1), TRANSB 4, A_SCALE_MODE 31, B_SCALE_MODE
// 32, A_SCALE_POINTER 17, B_SCALE_POINTER 18; preference MAX_WORKSPACE_BYTES 1. 0xa5ca1e is 10865182,
// 0xb5ca1e 11913758.
const blasCalls = `
cublasLtCreate
cublasLtMatmulDescCreate compute 68 scale 0
cublasLtMatmulDescSetAttribute 1: 3 = 1 in 4 bytes
cublasLtMatmulDescSetAttribute 1: 4 = 0 in 4 bytes
cublasLtMatmulDescSetAttribute 1: 31 = MODE in 4 bytes
cublasLtMatmulDescSetAttribute 1: 32 = MODE in 4 bytes
cublasLtMatmulDescSetAttribute 1: 17 = 10865182 in 8 bytes
cublasLtMatmulDescSetAttribute 1: 18 = 11913758 in 8 bytes
cublasLtMatrixLayoutCreate type TYPE, 384 rows, 160 columns, 384 apart
cublasLtMatrixLayoutCreate type TYPE, 384 rows, 32 columns, 384 apart
cublasLtMatrixLayoutCreate type 0, 160 rows, 32 columns, 160 apart
cublasLtMatmulPreferenceCreate
cublasLtMatmulPreferenceSetAttribute 5: 1 = 33554432 in 8 bytes
cublasLtMatmulAlgoGetHeuristic b1a5: 1 of 2 3 4 4 by 5, at most 1
cublasLtMatmulPreferenceDestroy 5
cublasLtMatmulDescSetAttribute 1: 18 = 11913759 in 8 bytes
cublasLtMatmul b1a5: 1, 1 times aaaa00 (2) by bbbb00 (3) + 0 times dddd00 (4) to dddd00 (4), algorithm 66 77, 4096 bytes at 333300, stream 0
cublasLtMatrixLayoutDestroy 2
cublasLtMatrixLayoutDestroy 3
cublasLtMatrixLayoutDestroy 4
cublasLtMatmulDescDestroy 1
cublasLtDestroy b1a5
`

// TestBlasRefusals has each call refused: the error names it, the library's word for the status
// and a cure, and whatever was made is destroyed.
func TestBlasRefusals(t *testing.T) {
	for _, test := range []struct {
		call, status string
		env          []string
		says         string
		class        error
	}{
		{"cublasLtCreate", "1", nil, "CUBLAS_STATUS_NOT_INITIALIZED", ErrDevice},
		{"cublasLtMatmulDescCreate", "3", nil, "CUBLAS_STATUS_ALLOC_FAILED", ErrDevice},
		{"cublasLtMatmulDescSetAttribute", "7", nil, "CUBLAS_STATUS_INVALID_VALUE", ErrDevice},
		{"cublasLtMatrixLayoutCreate", "3", nil, "CUBLAS_STATUS_ALLOC_FAILED", ErrDevice},
		{"cublasLtMatmulPreferenceCreate", "3", nil, "CUBLAS_STATUS_ALLOC_FAILED", ErrDevice},
		{"cublasLtMatmulPreferenceSetAttribute", "7", nil, "CUBLAS_STATUS_INVALID_VALUE", ErrDevice},
		{"cublasLtMatmulAlgoGetHeuristic", "15", nil, "CUBLAS_STATUS_NOT_SUPPORTED", ErrNoKernel},
		{"cublasLtMatmulAlgoGetHeuristic", "0", []string{"FAKE_FOUND=0"}, "CUBLAS_STATUS_NOT_SUPPORTED", ErrNoKernel},
		{"cublasLtMatmulAlgoGetHeuristic", "0", []string{"FAKE_STATE=15"}, "CUBLAS_STATUS_NOT_SUPPORTED", ErrNoKernel},
		{"cublasLtMatmul", "13", nil, "CUBLAS_STATUS_EXECUTION_FAILED", ErrDevice},
		{"cublasLtMatmul", "99", nil, "cublasStatus_t 99", ErrDevice},
	} {
		t.Run(test.call+" "+test.says, func(t *testing.T) {
			library, log := fakeBlas(t, "blas.c")
			t.Setenv("FAKE_REFUSES", test.call)
			t.Setenv("FAKE_STATUS", test.status)
			for _, e := range test.env {
				name, value, _ := strings.Cut(e, "=")
				t.Setenv(name, value)
			}
			err := oneProduct(library)
			var fault *inspect.Fault
			if !errors.As(err, &fault) || !errors.Is(err, test.class) || !strings.Contains(err.Error(), test.call) || !strings.Contains(err.Error(), test.says) ||
				!strings.Contains(err.Error(), "13.1.0") || fault.Hint() == "" {
				t.Errorf("%v", err)
			}
			made := map[string]int{}
			for _, line := range logged(t, log) {
				call, _, _ := strings.Cut(line, " ")
				for _, end := range []string{"Create", "Destroy"} {
					if object, ok := strings.CutSuffix(call, end); ok && (end == "Destroy" || call != test.call) {
						made[object+end]++
					}
				}
			}
			for _, object := range []string{"cublasLt", "cublasLtMatmulDesc", "cublasLtMatrixLayout", "cublasLtMatmulPreference"} {
				if made[object+"Create"] != made[object+"Destroy"] {
					t.Errorf("%s: %d made, %d destroyed", object, made[object+"Create"], made[object+"Destroy"])
				}
			}
		})
	}
}

// oneProduct is a library's whole life.
func oneProduct(library string) error {
	lt, err := openBlas(library)
	if err != nil {
		return err
	}
	defer lt.close()
	plan, err := lt.plan(&blasNVFP4, 32, 32, 64, 1, 2)
	if err != nil {
		return err
	}
	defer plan.close()
	return plan.start(3, 4, 5, 6, 7)
}

// TestBlasUnusable: a library that can't be used is an error, whatever is wrong with it.
func TestBlasUnusable(t *testing.T) {
	whole, _ := fakeBlas(t, "blas.c")
	versionOnly, _ := fakeBlas(t, "fake.c")
	text := filepath.Join(t.TempDir(), "text.so")
	writeFile(t, text, "this is no library")
	for _, test := range []struct{ name, library, version, says string }{
		{"missing", filepath.Join(t.TempDir(), "none.so"), "", "no cuBLASLt: "},
		{"a text", text, "", "text.so"},
		{"symbols missing", versionOnly, "", "cuBLASLt 12.9.4 is not whole: "},
		{"old", whole, "120604", "cuBLASLt 12.6.4 has no FP4: "},
	} {
		t.Setenv("FAKE_VERSION", test.version)
		err := oneProduct(test.library)
		var fault *inspect.Fault
		if !errors.As(err, &fault) || !errors.Is(err, ErrNoLibrary) || !strings.Contains(err.Error(), test.says) || !strings.Contains(fault.Hint(), "LD_LIBRARY_PATH") {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	if err := oneProduct(whole); err == nil {
		t.Error("the version of the last case is not looked at")
	}
	t.Setenv("FAKE_VERSION", "120800")
	t.Setenv("FAKE_UNKNOWN", "8") // an attribute that the library does not know
	if err := oneProduct(whole); err != nil {
		t.Errorf("12.8.0: %v", err)
	}
}

// TestBlasOffsets checks where a band of rows begins.
func TestBlasOffsets(t *testing.T) {
	for _, test := range []struct {
		kind          *blasKind
		codes, scales cu.DevicePtr
	}{{&blasNVFP4, 256 * 192 / 2, 256 / 128 * (192 / 64) * 512}, {&blasE4M3, 256 * 192, 0}} {
		if codes, scales := test.kind.offsets(256, 192); codes != test.codes || scales != test.scales {
			t.Errorf("%s: %d, %d; must be %d, %d", test.kind.name, codes, scales, test.codes, test.scales)
		}
	}
	scales := make([]byte, 300*12)
	for i := range scales {
		scales[i] = byte(i % 251)
	}
	_, from := blasNVFP4.offsets(128, 192)
	if !slices.Equal(swizzled(scales, 300, 12)[from:], swizzled(scales[128*12:], 172, 12)) {
		t.Error("the scales of a band are not those of its rows")
	}
}
