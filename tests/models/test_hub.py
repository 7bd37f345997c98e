import http.server
import inspect
import json
import logging
import os
import pickle
import socket
import threading
import time
import warnings
from types import SimpleNamespace

import huggingface_hub
import pytest
import safetensors.torch
import torch
import transformers
from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError, RepositoryNotFoundError
from transformers import BertConfig, BertModel, WhisperConfig

from burst2vec.models.attention import ATTENTION
from burst2vec.models.backbone import BackboneError
from burst2vec.models.hub import load_backbone
from burst2vec.models.tiny import FAMILIES, tiny_model
from tests.support.published import PUBLISHED, described, publish, random_weights

GROUP, LAYER = "facebook/hubert-base-ls960", "facebook/hubert-large-ls960-ft"
CTC, WAVLM = "facebook/wav2vec2-large-960h", "microsoft/wavlm-base-plus"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


# The encoder of every published checkpoint, and nothing said.

@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin"])
@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_checkpoints_encoder_is_loaded_bit_for_bit_and_silently(tmp_path, name, file, capfd, caplog):
    folder = publish(tmp_path / "model", name, file)
    with warnings.catch_warnings(), caplog.at_level(logging.WARNING):
        warnings.simplefilter("error")
        model = load_backbone(folder).model
    assert capfd.readouterr() == ("", "") and not caplog.records
    prefix = f"{model.base_model_prefix}."
    stored = {key.removeprefix(prefix): weight for key, weight in random_weights(name).items()}
    new = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
    for key, weight in model.state_dict().items():
        for modern, legacy in new.items():
            key = key.replace(modern, legacy)
        assert torch.equal(weight, stored[key]), key


@pytest.mark.parametrize("kind", ["ForCTC", "ForSequenceClassification", "ForXVector", "ForPreTraining"])
def test_the_head_is_left_out_silently(tmp_path, kind, capfd):
    folder = publish(tmp_path / "model", CTC, architectures=[f"Wav2Vec2{kind}"])
    assert type(load_backbone(folder).model).__name__ == "Wav2Vec2Model"
    assert capfd.readouterr() == ("", "")


def test_an_adapter_behind_the_encoder_is_left_out_like_a_head(tmp_path):
    backbone = load_backbone(publish(tmp_path / "model", CTC, add_adapter=True, output_hidden_size=32))
    assert backbone.model.adapter is None and not backbone.config.add_adapter


@pytest.mark.parametrize("key", ["attn_implementation", "_attn_implementation", "_attn_implementation_internal"])
@pytest.mark.parametrize("name", [CTC, GROUP, WAVLM, "facebook/data2vec-audio-base"])
def test_a_checkpoint_cannot_choose_attention_kernels(tmp_path, name, key):
    folder = publish(tmp_path / "model", name)
    chosen = load_backbone(folder).config._attn_implementation
    (tmp_path / "model" / "config.json").write_text(json.dumps(described(name, **{key: "someone/kernels"})))
    assert load_backbone(folder).config._attn_implementation == chosen in ("eager", "sdpa", ATTENTION)


def test_transformers_speaks_as_before_when_a_backbone_is_loaded(tmp_path):
    from transformers.utils import logging as theirs
    before = theirs.get_verbosity(), theirs.is_progress_bar_enabled()
    load_backbone(publish(tmp_path / "model", GROUP))
    with pytest.raises(BackboneError):
        load_backbone(publish(tmp_path / "other", GROUP, lacking=("encoder.layer_norm.weight",)))
    assert (theirs.get_verbosity(), theirs.is_progress_bar_enabled()) == before


@pytest.mark.parametrize("value", [True, "false"])
def test_a_checkpoint_cannot_choose_to_compute_activations_again(tmp_path, value):
    backbone = load_backbone(publish(tmp_path / "model", GROUP, gradient_checkpointing=value))
    assert not any(getattr(module, "gradient_checkpointing", False) for module in backbone.modules())


@pytest.mark.filterwarnings("ignore:Support for mismatched key_padding_mask")  # WavLM's, in transformers
@pytest.mark.parametrize("name", [CTC, GROUP, WAVLM, "facebook/data2vec-audio-base"])
def test_a_checkpoint_that_asks_for_more_outputs_is_read_in_silence(tmp_path, name, capfd):
    asked = {"output_attentions": True, "output_hidden_states": True, "return_dict": False}
    backbone = load_backbone(publish(tmp_path / "model", name, **asked)).eval()
    plain = load_backbone(publish(tmp_path / "plain", name)).eval()
    waveforms, lengths = torch.ones(2, 900).cumsum(1).sin(), torch.tensor([900, 600])
    with torch.no_grad():
        assert torch.equal(backbone(waveforms, lengths)[0], plain(waveforms, lengths)[0])
    assert capfd.readouterr() == ("", "")


def test_a_card_in_another_encoding_is_no_hindrance(tmp_path):
    folder = publish(tmp_path / "model", GROUP)
    (tmp_path / "model" / "README.md").write_bytes("# Für Grüße\n".encode("cp1252"))
    load_backbone(folder)


def test_a_checkpoint_in_half_precision_is_trained_in_float32(tmp_path):
    backbone = load_backbone(publish(tmp_path / "model", GROUP, dtype=torch.float16))
    assert {p.dtype for p in backbone.parameters()} == {torch.float32}


def test_a_checkpoint_that_transformers_itself_wrote_is_read(tmp_path):
    config = transformers.HubertConfig.from_dict(described(LAYER))
    model = transformers.HubertForCTC(config)
    model.save_pretrained(tmp_path)
    ours = load_backbone(str(tmp_path)).model.state_dict()
    assert all(torch.equal(ours[key], weight) for key, weight in model.hubert.state_dict().items())


# Settings.

@pytest.mark.parametrize("name", PUBLISHED)
def test_a_checkpoints_own_settings_are_read(tmp_path, name):
    settings = load_backbone(publish(tmp_path / "model", name)).settings
    assert (settings.do_normalize, settings.attention_mask) == PUBLISHED[name][3:]


@pytest.mark.parametrize(("name", "mask"), [(WAVLM, False), (CTC, False), (LAYER, True),
                                            ("facebook/data2vec-audio-base", True)])
def test_without_settings_clips_are_normalised_and_masked_only_for_layer_norm(tmp_path, name, mask):
    settings = load_backbone(publish(tmp_path / "model", name, settings=False)).settings
    assert settings.do_normalize and settings.attention_mask == mask


def test_settings_that_a_file_leaves_out_are_those_of_the_feature_extractor(tmp_path):
    folder = publish(tmp_path / "model", LAYER)
    (tmp_path / "model" / "preprocessor_config.json").write_text('{"sampling_rate": 16000}')
    settings, theirs = load_backbone(folder).settings, transformers.Wav2Vec2FeatureExtractor()
    assert (settings.do_normalize, settings.attention_mask) == (theirs.do_normalize, theirs.return_attention_mask)


def test_settings_within_a_processors_file_are_read(tmp_path):
    folder = publish(tmp_path / "model", LAYER, settings=False)
    (tmp_path / "model" / "processor_config.json").write_text(json.dumps(
        {"processor_class": "Wav2Vec2Processor", "feature_extractor": {"do_normalize": False}}))
    assert not load_backbone(folder).settings.do_normalize


@pytest.mark.parametrize(("text", "complaint"), [
    ('{"sampling_rate": 8000}', "wants 8000 Hz; expected one for 16000 Hz"),
    ('{"sampling_rate": "16000"}', "wants '16000' Hz; expected one for 16000 Hz .sampling_rate in its preprocessor_c"),
    ('{"do_normalize": "false"}', "do_normalize in its preprocessor_config.json is 'false'; expected true or false"),
    ('{"do_normalize": 0}', "do_normalize in its preprocessor_config.json is 0; expected true or false"),
    ('{"return_attention_mask": "true"}', "return_attention_mask in its preprocessor_config.json is 'true'; expected"),
    ('{"sampling_rate"', "its preprocessor_config.json is not JSON"),
    ("[1]", "its preprocessor_config.json holds no JSON object"),
])
def test_settings_that_cannot_be_followed_are_refused(tmp_path, text, complaint):
    folder = publish(tmp_path / "model", GROUP)
    (tmp_path / "model" / "preprocessor_config.json").write_text(text)
    with pytest.raises(BackboneError, match=complaint):
        load_backbone(folder)


@pytest.mark.parametrize(("extractor", "complaint"), [
    ({"do_normalize": "false"}, "do_normalize in its processor_config.json is 'false'; expected true or false"),
    ("Wav2Vec2", "feature_extractor in its processor_config.json is 'Wav2Vec2'; expected an object"),
])
def test_settings_within_a_processors_file_that_cannot_be_followed_are_refused(tmp_path, extractor, complaint):
    folder = publish(tmp_path / "model", GROUP)
    (tmp_path / "model" / "processor_config.json").write_text(json.dumps({"feature_extractor": extractor}))
    with pytest.raises(BackboneError, match=complaint):
        load_backbone(folder)


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize(("key", "value"), [
    ("conv_bias", "false"), ("num_hidden_layers", "2"), ("layer_norm_eps", "1e-5"), ("hidden_dropout", "0.1"),
    ("conv_stride", ["5", 2, 2, 2, 2, 2, 2]), ("num_attention_heads", True),
])
def test_a_value_of_a_wrong_type_in_a_configuration_is_refused_by_name(tmp_path, name, key, value):
    folder = publish(tmp_path / "model", name)
    (tmp_path / "model" / "config.json").write_text(json.dumps(described(name, **{key: value})))
    with pytest.raises(BackboneError, match=f"holds no usable model .*field '{key}'.*expected"):
        load_backbone(folder)


def test_a_backbone_is_called_by_its_folders_name_alone(tmp_path, monkeypatch):
    folder = publish(tmp_path / "model", GROUP)
    assert load_backbone(folder).settings.name == load_backbone(folder + "/").settings.name == "model"
    monkeypatch.chdir(folder)
    assert load_backbone(".").settings.name == "model"


# Folders without a backbone.

def bert(folder):
    BertModel(BertConfig(vocab_size=8, hidden_size=8, num_hidden_layers=1, num_attention_heads=1,
                         intermediate_size=8)).save_pretrained(folder)


def whisper(folder):
    WhisperConfig().save_pretrained(folder)


def without_configuration(folder):
    publish(folder, GROUP)
    (folder / "config.json").unlink()


def without_model_type(folder):
    publish(folder, GROUP)
    (folder / "config.json").write_text('{"hidden_size": 8}')


def without_weights(folder):
    publish(folder, GROUP)
    (folder / "model.safetensors").unlink()


def with_garbage_for_weights(folder):
    publish(folder, GROUP)
    (folder / "model.safetensors").write_bytes(b"garbage")


def with_a_program_for_weights(folder):
    publish(folder, GROUP)
    (folder / "model.safetensors").unlink()
    torch.save({"masked_spec_embed": print}, folder / "pytorch_model.bin")


def with_a_cut_off_file(folder):
    publish(folder, GROUP, "pytorch_model.bin")
    os.truncate(folder / "pytorch_model.bin", 9_000)


def with_an_impossible_configuration(folder):
    publish(folder, GROUP)
    (folder / "config.json").write_text(json.dumps({**described(GROUP), "num_attention_heads": 5}))


def with_weights_of_another_size(folder):
    publish(folder, GROUP)
    (folder / "config.json").write_text(json.dumps({**described(GROUP), "intermediate_size": 8}))


def with_weights_of_another_model(folder):
    bert(folder)
    (folder / "config.json").write_text(json.dumps(described(GROUP)))


def with_another_configuration(name=GROUP, file="model.safetensors", **changes):
    """A function that makes a folder whose configuration is not that of its weights."""
    def make(folder):
        publish(folder, name, file)
        (folder / "config.json").write_text(json.dumps(described(name, **changes)))
    return make


def with_a_weight(value, name=GROUP, key="encoder.layers.1.final_layer_norm.bias"):
    """A function that makes a folder in which one number of a weight is this value."""
    def make(folder):
        publish(folder, name)
        weights = safetensors.torch.load_file(folder / "model.safetensors")
        weights[key][3] = value
        safetensors.torch.save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return make


KEY = "encoder.layers.1.final_layer_norm.bias"
UNUSED = "its weights hold {} and .* more, which the .* model that config.json describes does not have; expected a "


@pytest.mark.parametrize(("make", "complaint"), [
    (lambda folder: folder.mkdir(), "its folder holds no config.json; expected a folder with config.json and weights"),
    (without_configuration, "its folder holds no config.json"),
    (without_model_type, "is a model of no stated type; expected one that reads waveforms"),
    (bert, "is a model of type bert; expected one that reads waveforms: wav2vec2, hubert, wavlm, data2vec-audio"),
    (whisper, "is a model of type whisper; expected one that reads waveforms"),
    (without_weights, r"holds no usable model \(OSError: .*; expected config.json and model.safetensors or pytorch_"),
    (with_garbage_for_weights, "holds no usable model"),
    (with_a_program_for_weights, "holds no usable model"),
    (with_a_cut_off_file, "holds no usable model"),
    (with_an_impossible_configuration, "holds no usable model"),
    (with_weights_of_another_size,
     r"its weight encoder.* is of shape \(48,.*\), but config.json describes one of \(8,"),
    (with_weights_of_another_model,
     "its weights lack feature_extractor.conv_layers.0.conv.weight and .* more; expected"),
    (lambda folder: publish(folder, GROUP, lacking=[KEY]), f"its weights lack {KEY}; expected the weights of the hub"),
    (with_another_configuration(num_hidden_layers=1), UNUSED.format(r"encoder.layers.1.attention.k_proj.bias")),
    (with_another_configuration(LAYER, "pytorch_model.bin", num_hidden_layers=1),
     UNUSED.format(r"hubert.encoder.layers.1.attention.k_proj.bias")),
    (with_another_configuration(LAYER, conv_bias=False),
     UNUSED.format(r"hubert.feature_extractor.conv_layers.0.conv.bias")),
    (with_another_configuration(feat_proj_layer_norm=False), UNUSED.format("feature_projection.layer_norm.bias")),
    (with_a_weight(float("nan")), f"its weight {KEY} holds values that are not finite numbers"),
    (with_a_weight(float("inf"), LAYER, f"hubert.{KEY}"), f"its weight {KEY} holds values that are not finite numbers"),
    (lambda folder: publish(folder, CTC, lacking=[f"wav2vec2.{KEY}"]), f"its weights lack {KEY}; expected"),
    (lambda folder: publish(folder, LAYER, "pytorch_model.bin", [f"hubert.{KEY}"]), f"its weights lack {KEY}; exp"),
])
def test_a_folder_that_holds_no_backbone_is_named_in_one_line(tmp_path, make, complaint, capfd):
    make(tmp_path / "model")
    capfd.readouterr()
    with pytest.raises(BackboneError, match=f"^backbone '.*model'.* ?{complaint}") as caught:
        load_backbone(str(tmp_path / "model"))
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("name", "key"), [(GROUP, "masked_spec_embed"), (CTC, "wav2vec2.masked_spec_embed")])
def test_old_checkpoints_without_specaugments_embedding_are_read(tmp_path, name, key, capfd):
    load_backbone(publish(tmp_path / "model", name, lacking=[key]))
    assert capfd.readouterr() == ("", "")


def test_a_pickled_program_does_not_run(tmp_path):
    class Program:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    publish(tmp_path / "model", GROUP, "pytorch_model.bin")
    (tmp_path / "model" / "pytorch_model.bin").write_bytes(pickle.dumps(Program(), protocol=2))
    with pytest.raises(BackboneError, match="holds no usable model"):
        load_backbone(str(tmp_path / "model"))
    assert not (tmp_path / "ran").exists()


def test_only_the_papers_backbones_have_tiny_models():
    with pytest.raises(BackboneError, match="'microsoft/wavlm-base' has no tiny model; set backbone_size: published"):
        load_backbone("microsoft/wavlm-base", "tiny")


def test_a_small_model_is_the_one_of_its_family_that_comes_with_the_package(tmp_path, monkeypatch):
    monkeypatch.setattr("burst2vec.models.shipped.WEIGHTS", tmp_path)
    torch.manual_seed(0)
    written = tiny_model("facebook/hubert-base-ls960")
    written.save_pretrained(tmp_path / "hubert")
    found = load_backbone("facebook/hubert-base-ls960", "small")
    assert found.settings.name == "small facebook/hubert-base-ls960"
    assert all(torch.equal(value, found.model.state_dict()[name]) for name, value in written.state_dict().items())
    with pytest.raises(BackboneError, match="without a small model of its family; it has those of "
                                            "facebook/hubert-base-ls960. `burst2vec pretrain`"):
        load_backbone("facebook/wav2vec2-large-960h", "small")
    with pytest.raises(BackboneError, match="'microsoft/wavlm-base' has no small model"):
        load_backbone("microsoft/wavlm-base", "small")


@pytest.mark.parametrize("name", FAMILIES)
def test_without_pre_training_the_feature_encoder_stays_and_all_else_is_drawn(tmp_path, name):
    torch.manual_seed(0)
    tiny_model(name).save_pretrained(tmp_path / "model")
    whole = load_backbone(str(tmp_path / "model")).state_dict()
    torch.manual_seed(1)
    drawn = load_backbone(str(tmp_path / "model"), pretrained=False).state_dict()
    torch.manual_seed(1)
    again = load_backbone(str(tmp_path / "model"), pretrained=False).state_dict()
    same = {name for name, value in whole.items() if torch.equal(value, drawn[name])}
    assert {name for name in whole if "feature_extractor" in name} <= same
    assert not any("attention" in name and name.endswith("weight") for name in same)
    assert all(torch.equal(value, again[name]) for name, value in drawn.items())


# Names on the hub. The tests' hub is a cache, and a server that nobody answers at.

@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A function that puts a checkpoint's files into an empty hub cache, and returns their folder there."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))

    def cache(name, *args, **options):
        root = tmp_path / "hub" / f"models--{name.replace('/', '--')}"
        (root / "refs").mkdir(parents=True)
        (root / "refs" / "main").write_text(COMMIT)
        publish(root / "snapshots" / COMMIT, name, *args, **options)
        return root / "snapshots" / COMMIT
    return cache


@pytest.fixture
def ask(hub, monkeypatch):
    """A function that lets the hub be asked, at a port of this machine."""
    def at(port):
        endpoint = f"http://127.0.0.1:{port}"
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", endpoint)
        monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE",
                            endpoint + "/{repo_id}/resolve/{revision}/{filename}")
    return at


@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin"])
def test_a_checkpoint_in_the_cache_needs_no_network(hub, file, capfd):
    hub(WAVLM, file)
    backbone = load_backbone(WAVLM)
    assert backbone.settings.name == WAVLM and not backbone.settings.do_normalize
    assert capfd.readouterr() == ("", "")


MISSING = (f"^backbone '{WAVLM}' is neither a local folder nor wholly in the hub's cache, and {{}}; where there is "
           f"a network run 'hf download {WAVLM} --local-dir DIR', bring DIR here and set backbone: DIR .* to .*hub")


def assert_missing(why):
    started = time.monotonic()
    with pytest.raises(BackboneError, match=MISSING.format(why)) as caught:
        load_backbone(WAVLM)
    assert "\n" not in str(caught.value) and time.monotonic() - started < 5


def test_offline_without_a_cache_one_line_says_what_to_download_and_where_to_put_it(hub):
    assert_missing("HF_HUB_OFFLINE forbids asking the hub")


def test_a_hub_that_cannot_be_reached_is_not_waited_for(ask):
    ask(9)
    assert_missing("the hub cannot be reached")


def test_a_hub_that_does_not_answer_is_not_waited_for_long(ask, monkeypatch):
    monkeypatch.setattr("burst2vec.models.hub.TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        ask(silent.getsockname()[1])
        assert_missing("the hub cannot be reached")


@pytest.mark.parametrize("file", ["config.json", "model.safetensors", "preprocessor_config.json"])
def test_a_cache_that_lacks_a_file_is_not_taken_for_the_checkpoint(hub, file):
    """Without its settings a checkpoint would be fed wrongly: they may only not have been downloaded."""
    (hub(WAVLM) / file).unlink()
    assert_missing("HF_HUB_OFFLINE forbids asking the hub")


def test_a_cache_that_knows_the_hubs_files_may_lack_settings_that_the_hub_lacks(hub):
    folder = hub(WAVLM, settings=False)
    listed = {path.name: {"size": path.stat().st_size, "blob_id": "0"} for path in folder.iterdir()}
    write = huggingface_hub._snapshot_download.write_tree_cache
    entry = inspect.getmodule(write).TreeCacheEntry
    fields = {"lfs_sha256": None, "lfs_size": None, "xet_hash": None}
    write(str(folder.parents[1]), COMMIT, {name: entry(**values, **fields) for name, values in listed.items()})
    assert load_backbone(WAVLM).settings.do_normalize


@pytest.mark.parametrize("name", ["not a name", "/no/such/folder", "../nowhere", "a/b/c"])
def test_what_can_be_no_hub_name_is_a_missing_folder(name):
    complaint = f"backbone '{name}': there is no such folder, and hub names look otherwise; expected .* such as "
    with pytest.raises(BackboneError, match=complaint) as caught:
        load_backbone(name)
    assert "\n" not in str(caught.value)


class Hub(http.server.SimpleHTTPRequestHandler):
    """The hub's answers about one model, whose files lie in `folder`, and what it was asked for."""

    folder, asked = None, []

    def do_GET(self):
        *_, file = path = self.path.split("?")[0].split("/")
        self.asked.append(file)
        if "resolve" in path:
            return self._send((self.folder / file).read_bytes())
        files = [{"type": "file", "path": f.name, "size": f.stat().st_size, "oid": f.name}
                 for f in self.folder.iterdir()]
        self._send(json.dumps(files if "tree" in path else {"id": WAVLM, "sha": COMMIT, "siblings": []}).encode())

    do_HEAD = do_GET

    def _send(self, body):
        self.send_response(200)
        for header in (("ETag", f'"{len(body)}"'), ("X-Repo-Commit", COMMIT), ("Content-Length", str(len(body)))):
            self.send_header(*header)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def answering(tmp_path, ask, monkeypatch):
    """A function that puts a checkpoint's files on a hub that answers, and returns what that is asked for."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        ask(server.server_port)
        monkeypatch.setattr(Hub, "asked", [])

        def answer(*args, **options):
            publish(tmp_path / "remote", *args, **options)
            monkeypatch.setattr(Hub, "folder", tmp_path / "remote")
            return Hub.asked
        yield answer
        server.shutdown()


@pytest.mark.parametrize("settings", [True, False])
@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin"])
def test_a_checkpoint_is_downloaded_once(answering, tmp_path, file, settings):
    asked = answering(WAVLM, file, settings=settings)
    (tmp_path / "remote" / "tf_model.h5").write_bytes(b"for other programs")
    first = load_backbone(WAVLM)
    assert first.settings.do_normalize != settings
    assert file in asked and "tf_model.h5" not in asked
    asked.clear()
    second = load_backbone(WAVLM)
    assert not asked
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_legacy_weights_are_not_downloaded_where_there_are_others(answering, tmp_path):
    asked = answering(WAVLM)
    (tmp_path / "remote" / "pytorch_model.bin").write_bytes(b"legacy")
    load_backbone(WAVLM)
    assert "pytorch_model.bin" not in asked


def test_a_model_on_the_hub_in_no_known_format_is_refused(answering, tmp_path):
    answering(WAVLM)
    (tmp_path / "remote" / "model.safetensors").rename(tmp_path / "remote" / "WavLM.pt")
    with pytest.raises(BackboneError, match="holds no usable model .*expected config.json and model.safetensors"):
        load_backbone(WAVLM)


@pytest.fixture
def refusing(hub, monkeypatch):
    """A function that sets the errors that the hub meets a question for a model, and for its files, with."""
    def meet(model=None, files=None):
        def deed(error):
            def act(*args, local_files_only=False, **options):
                raise LocalEntryNotFoundError("not here") if local_files_only else error
            return act if error else lambda *args, **options: None
        monkeypatch.setattr(huggingface_hub.HfApi, "model_info", deed(model))
        monkeypatch.setattr("burst2vec.models.hub.snapshot_download", deed(files))
    return meet


@pytest.mark.parametrize("kind", [RepositoryNotFoundError, GatedRepoError])
def test_a_name_that_the_hub_does_not_know_is_refused(refusing, kind):
    error = kind("404\nNot found", response=SimpleNamespace(headers={}, request=None, status_code=404))
    refusing(model=error, files=error)
    with pytest.raises(BackboneError, match="'nobody/nothing': neither a local folder nor a model on the hub"):
        load_backbone("nobody/nothing")


def test_a_download_that_fails_says_why_in_one_line(refusing):
    refusing(files=OSError(28, "No space left\non device"))
    with pytest.raises(BackboneError, match=r"'some/model' could not be downloaded \(OSError: \[Errno 28\] No space"):
        load_backbone("some/model")
