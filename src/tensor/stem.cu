// Images and texts to tokens, and the gradients of the embedding's rows, as `stem.rs` defines them.

struct PatchesArguments {
    const u8 *images;
    const float *pixels; // 256 values a channel
    float *patches;
    u64 samples;
    u32 image_size, patch_size;
};

KERNEL(cut_patches, PatchesArguments, 256) {
    const u32 across = a.image_size / a.patch_size, area = a.patch_size * a.patch_size;
    const u64 values = 3 * (u64)area, plane = (u64)a.image_size * a.image_size;
    const u64 per_image = (u64)across * across * values, elements = a.samples * per_image;
    for (u64 i = first_place(); i < elements; i += stride_of_places()) {
        const u64 image = i / per_image;
        const u32 patch = (u32)(i % per_image / values), value = (u32)(i % values);
        const u32 channel = value / area, line = value % area / a.patch_size, column = value % a.patch_size;
        const u32 y = patch / across * a.patch_size + line, x = patch % across * a.patch_size + column;
        const u8 byte = a.images[(image * 3 + channel) * plane + (u64)y * a.image_size + x];
        a.patches[i] = a.pixels[channel * 256 + byte];
    }
}

struct TokensArguments {
    const float *products;
    const float *positions;
    const float *class_token; // or null
    float *tokens;            // backward: the gradient of the tokens, read
    float *d_products;
    u64 samples, patches, width;
};

KERNEL(image_tokens, TokensArguments, 256) {
    const u64 front = a.class_token ? 1 : 0, per_image = a.patches + front;
    const u64 elements = a.samples * per_image * a.width;
    for (u64 i = first_place(); i < elements; i += stride_of_places()) {
        const u64 column = i % a.width, token = i / a.width % per_image, sample = i / a.width / per_image;
        const float position = a.positions[token * a.width + column];
        const float other = token < front ? a.class_token[column]
                                          : a.products[(sample * a.patches + token - front) * a.width + column];
        a.tokens[i] = position + other;
    }
}

// The rows of patches side by side, as the product saw them.
KERNEL(patch_rows, TokensArguments, 256) {
    const u64 front = a.class_token ? 1 : 0, per_image = a.patches + front;
    const u64 elements = a.samples * a.patches * a.width;
    for (u64 i = first_place(); i < elements; i += stride_of_places()) {
        const u64 column = i % a.width, patch = i / a.width % a.patches, sample = i / a.width / a.patches;
        a.d_products[i] = a.tokens[(sample * per_image + front + patch) * a.width + column];
    }
}

struct TextArguments {
    const float *embedding;
    const float *positions;
    const u32 *tokens;
    float *stream;
    u64 rows, width;
    u64 per_text;
};

KERNEL(text_tokens, TextArguments, 256) {
    const u64 elements = a.rows * a.width;
    for (u64 i = first_place(); i < elements; i += stride_of_places()) {
        const u64 row = i / a.width, column = i % a.width;
        const float position = a.positions[row % a.per_text * a.width + column];
        a.stream[i] = position + a.embedding[(u64)a.tokens[row] * a.width + column];
    }
}

struct TouchedArguments {
    const float *d_stream;
    float *d_rows;
    const u32 *first_of_row; // of each touched row among `places`, and their number
    const u32 *places;       // rows of the stream, ascending within a touched row
    const u32 *touched;      // their number: in memory, so that a step's arguments are those of the step before
    u64 width;
};

// One chain of additions from +0 a row, over the places at which its token stands, ascending.
KERNEL(touched_rows, TouchedArguments, 256) {
    const u64 elements = *a.touched * a.width;
    for (u64 i = first_place(); i < elements; i += stride_of_places()) {
        const u64 row = i / a.width, column = i % a.width;
        const u32 end = a.first_of_row[row + 1];
        float sum = 0.0f;
#pragma unroll 8
        for (u32 place = a.first_of_row[row]; place < end; ++place)
            sum = sum + a.d_stream[(u64)a.places[place] * a.width + column];
        a.d_rows[i] = sum;
    }
}
