# SPDX-License-Identifier: BSD-2-Clause
# breaks The model predicts another result than it demands.
# file model/frame/predict.c
# red unit/model_predict
/^[a-z].*\bpredict_number\(/,/^\}/ s/^\{$/{\n\tvalue++;/
