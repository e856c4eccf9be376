"""`drum-like doctor`: examine a model directory, and give a fix for each fault.

First the files are read, without running anything. Then a process of its own loads the model and
predicts a few sample rows, so that a model that crashes, hangs or exits is a finding, too. Last a
server answers the same rows through its doors, and the answers are compared.
"""

from collections.abc import MutableMapping
from dataclasses import replace

from drum_like.cli.doctor import diagnosis, doors, files
from drum_like.cli.doctor.examination import Report, examine
from drum_like.cli.doctor.finding import Diagnosis, error, ordered
from drum_like.cli.tables import print_json, print_text
from drum_like.config.file_settings import DoctorSettings
from drum_like.errors import SettingsError
from drum_like.model.runtime_parameters import exports


def run(settings: DoctorSettings, environ: MutableMapping[str, str]) -> int:
    """Print the findings as text or as JSON; return 1 if one is an error, else 0."""
    found = diagnose(settings, environ)
    if settings.json:
        print_json(found.as_json())
    else:
        print_text(found.as_text())
    return int(found.has_errors)


def diagnose(settings: DoctorSettings, environ: MutableMapping[str, str]) -> Diagnosis:
    """Return the findings about a model directory."""
    try:
        if settings.model.runtime_params_file is not None:
            environ.update(exports(settings.model.code_dir, settings.model.runtime_params_file))
    except SettingsError as fault:
        fix = "mend the file of --runtime-params-file, or the definitions in model-metadata.yaml"
        return Diagnosis((error("runtime-parameters", str(fault), fix),))
    static = Diagnosis(ordered(list(files.findings(settings, environ))))
    if static.has_errors:
        return static
    examined = examine(settings, environ)
    found = [*static.findings, *diagnosis.findings(examined, settings)]
    result = Diagnosis(ordered(found), suggestion=diagnosis.suggestion(examined))
    return _with_doors(result, examined, settings, environ)


def _with_doors(
    result: Diagnosis,
    examined: Report,
    settings: DoctorSettings,
    environ: MutableMapping[str, str],
) -> Diagnosis:
    if result.has_errors or not examined.rows:
        return result
    names, found = doors.compared(examined, settings, environ)
    return replace(result, findings=ordered([*result.findings, *found]), doors=names)
