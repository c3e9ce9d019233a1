"""Names that other tools have for our samplers and schedules.

`v-...` and `k-...` are the names in Dance Diffusion's notebook, `V_...` and `K_...` those in sample-
diffusion, after v-diffusion and k-diffusion, where these samplers come from. A `Registry` finds them in upper
and lower case, with `-` and with `_`.
"""

SAMPLER_ALIASES = {
    "v_ddpm": "ddpm",
    "v_ddim": "ddim",
    "v_prk": "prk",
    "v_pie": "heun",  # "pseudo improved Euler" is Heun's method in sigma
    "v_plms": "plms",
    "v_plms2": "plms2",
    "v_iplms": "iplms",
    "k_euler": "euler",
    "k_eulera": "euler_ancestral",
    "k_euler_ancestral": "euler_ancestral",
    "k_heun": "heun",
    "k_dpm2": "dpm2",
    "k_dpm_2": "dpm2",
    "k_dpm2a": "dpm2_ancestral",
    "k_dpm_2_ancestral": "dpm2_ancestral",
    "k_lms": "lms",
    "k_dpmf": "dpm_fast",
    "k_dpm_fast": "dpm_fast",
    "k_dpma": "dpm_adaptive",
    "k_dpm_adaptive": "dpm_adaptive",
    "k_dpmpp2sa": "dpmpp_2s_ancestral",
    "k_dpmpp_2s_ancestral": "dpmpp_2s_ancestral",
    "k_dpmpp2m": "dpmpp_2m",
    "k_dpmpp_2m": "dpmpp_2m",
    "k_dpmppsde": "dpmpp_sde",
    "k_dpmpp_sde": "dpmpp_sde",
}

SCHEDULE_ALIASES = {
    "v_ddpm": "ddpm_linear",
    "v_spliced_ddpm_cosine": "cosine",
    "v_log": "log",
    "v_crash": "crash",
    "k_karras": "karras",
    "k_exponential": "exponential",
    "k_polyexponential": "polyexponential",
    "k_vp": "vp",
}
