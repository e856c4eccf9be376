{{- define "drum-like.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 53 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "drum-like.host" -}}
{{- printf "%s.%s.svc" (include "drum-like.name" .) .Release.Namespace -}}
{{- end -}}

{{- /* Also the name of the port. */ -}}
{{- define "drum-like.scheme" -}}
{{- ternary "https" "http" (not (empty .Values.tls.secret)) -}}
{{- end -}}

{{- define "drum-like.port" -}}
{{- .Values.service.port | default (ternary 443 80 (not (empty .Values.tls.secret))) -}}
{{- end -}}

{{- define "drum-like.probe" -}}
{path: {{ .path }}, port: {{ include "drum-like.scheme" .root }}{{ if .root.Values.tls.secret }}, scheme: HTTPS{{ end }}}
{{- end -}}

{{- define "drum-like.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "drum-like.labels" -}}
{{ include "drum-like.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}
